//! Addresses of databases. They may hold a password, so nothing of a wrong one is told.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use url::Url;

/// What an address must look like.
const FORM: &str = "like postgres://user:password@host:5432/database";

/// Parameters of an address that the driver knows; it would log others with their values, which may be secrets.
const PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Reads an address, which need not name a database; or says what would be right.
pub fn parse(url: &str) -> Result<PgConnectOptions, &'static str> {
    let url = url.trim();
    let parsed = Url::parse(url).map_err(|_| FORM)?;
    if !["postgres", "postgresql"].contains(&parsed.scheme()) {
        return Err(FORM);
    }
    if parsed.query_pairs().any(|(name, _)| !PARAMETERS.contains(&name.as_ref())) {
        return Err(
            "without parameters other than sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password and application_name",
        );
    }
    PgConnectOptions::from_str(url).map_err(|_| FORM)
}

/// The rule that the address of a database breaks, if any.
pub fn broken_rule(url: &str) -> Option<&'static str> {
    match parse(url) {
        Ok(address) => address.get_database().is_none().then_some(FORM),
        Err(rule) => Some(rule),
    }
}

/// Where a server is, without user and password: host and port, or the folder of its socket.
pub fn server(address: &PgConnectOptions) -> String {
    match address.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", address.get_host(), address.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_what_is_none_is_refused() {
        for (good, at) in [
            ("postgres://u:p@db:5433/shop?sslmode=require", "db:5433"),
            (" postgresql://db\n", "db:5432"),
            ("postgres://kaleem@%2Frun%2Fpostgresql/kaleem", "/run/postgresql"),
        ] {
            assert_eq!(server(&parse(good).unwrap()), at);
        }
        for wrong in
            ["", "db", "mysql://db/x", "postgres://db:port/x", "postgres://[/", "postgres://db/x?sslmode=p"]
        {
            assert_eq!(parse(wrong).unwrap_err(), FORM, "{wrong}");
        }
        assert!(parse("postgres://db/x?pasword=p").unwrap_err().starts_with("without parameters other than"));
    }

    #[test]
    fn the_address_of_a_database_names_one() {
        assert_eq!(broken_rule("postgres://db"), Some(FORM));
        assert_eq!(broken_rule("postgres://db/shop"), None);
    }
}
