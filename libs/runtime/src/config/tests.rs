use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use tempfile::TempDir;

use super::*;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    gateway: Gateway,
    prices: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Gateway {
    listen: String,
    port: u16,
    targets: Vec<String>,
    timeout: Span,
    max_body: Size,
    tls: bool,
    key: Option<Secret>,
    upstreams: Vec<Upstream>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1".to_owned(),
            port: 8080,
            targets: vec!["all".to_owned()],
            timeout: Span::seconds(30),
            max_body: Size::mib(8),
            tls: false,
            key: None,
            upstreams: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    url: String,
}

struct Case {
    folder: TempDir,
    sources: Sources,
    env: Vec<(OsString, OsString)>,
}

impl Case {
    fn new() -> Self {
        let sources = Sources { env_prefix: "KALEEM__".to_owned(), ..Sources::default() };
        Self { folder: TempDir::new().unwrap(), sources, env: Vec::new() }
    }

    fn file(mut self, text: &str) -> Self {
        let path = self.folder.path().join("kaleem.toml");
        fs::write(&path, text).unwrap();
        self.sources.file = Some(path);
        self
    }

    fn env(mut self, name: &str, text: &str) -> Self {
        self.env.push((name.into(), text.into()));
        self
    }

    fn set(mut self, key: &str, text: &str) -> Self {
        self.sources.overrides.push((key.to_owned(), text.to_owned()));
        self
    }

    fn load(&self) -> Result<Config, Error> {
        load_with_env(&self.sources, self.env.clone())
    }

    /// The error's text, with the folder of the test cut out.
    fn error(&self) -> String {
        let text = self.load().unwrap_err().to_string();
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn each_layer_covers_the_one_below() {
    let file = "[gateway]\nport = 1\nlisten = 'file'\ntimeout = '1s'\nmax_body = 9";
    let case = Case::new().file(file).env("KALEEM__GATEWAY__PORT", "2").env("KALEEM__GATEWAY__TIMEOUT", "2s");
    let config = case.set("gateway.port", "3").load().unwrap().gateway;
    assert_eq!((config.port, config.listen.as_str()), (3, "file"));
    assert_eq!((config.timeout, config.max_body), (Span::seconds(2), Size::bytes(9)));
    assert_eq!(config.targets, ["all"]);
}

#[test]
fn the_environment_is_read_by_the_type_of_the_default() {
    let case = Case::new()
        .env("KALEEM__GATEWAY__LISTEN", "123")
        .env("KALEEM__GATEWAY__TLS", "true")
        .env("KALEEM__GATEWAY__TARGETS", "quota, billing")
        .env("KALEEM__GATEWAY__UPSTREAMS", "[{ url = 'http://a' }, { url = 'http://b' }]")
        .env("KALEEM__PRICES__TINY", "7")
        .env("KALEEMISH", "not ours");
    let config = case.load().unwrap();
    assert_eq!(config.gateway.listen, "123");
    assert!(config.gateway.tls);
    assert_eq!(config.gateway.targets, ["quota", "billing"]);
    assert_eq!(config.gateway.upstreams[1].url, "http://b");
    assert_eq!(config.prices["tiny"], 7);
}

#[test]
fn an_unknown_key_is_named_with_its_source_and_the_known_keys() {
    let known =
        "expected one of `listen`, `port`, `targets`, `timeout`, `max_body`, `tls`, `key`, `upstreams`";
    let file = Case::new().file("# mine\n[gateway]\nport = 1\nlisen = 'x'");
    assert_eq!(file.error(), format!("unknown key `gateway.lisen` in kaleem.toml line 4: {known}"));
    let env = Case::new().env("KALEEM__GATEWAY__LISEN", "x");
    assert_eq!(
        env.error(),
        format!("unknown key `gateway.lisen` in environment variable KALEEM__GATEWAY__LISEN: {known}")
    );
    let option = Case::new().set("gatewey.port", "1");
    assert_eq!(
        option.error(),
        "unknown key `gatewey` in the command line option for gatewey.port: expected one of `gateway`, `prices`"
    );
    let listed = Case::new().file("[[gateway.upstreams]]\nurl = 'a'\n\n[[gateway.upstreams]]\nurI = 'b'");
    assert_eq!(
        listed.error(),
        "unknown key `gateway.upstreams.1.urI` in kaleem.toml line 5: expected one of `url`"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named_but_never_quoted() {
    let port = Case::new().file("gateway.port = 'hunter2'");
    assert_eq!(
        port.error(),
        "`gateway.port` in kaleem.toml line 1: expected a whole number from 0 to 65535, found a text"
    );
    let range = Case::new().env("KALEEM__GATEWAY__PORT", "70000");
    assert_eq!(
        range.error(),
        "`gateway.port` in environment variable KALEEM__GATEWAY__PORT: \
         expected a whole number from 0 to 65535, found a whole number that does not fit"
    );
    let timeout = Case::new().set("gateway.timeout", "soon");
    assert_eq!(
        timeout.error(),
        "`gateway.timeout` in the command line option for gateway.timeout: \
         write it as a duration such as `250ms`, `30s` or `5m`"
    );
    let number = Case::new().file("gateway.timeout = 30");
    assert!(number.error().contains("expected a duration such as"), "{}", number.error());
    let table = Case::new().file("gateway = 5");
    assert_eq!(table.error(), "`gateway` in kaleem.toml line 1: expected a table, found a whole number");
    let missing = Case::new().file("gateway.upstreams = [{}]");
    assert_eq!(missing.error(), "missing key `gateway.upstreams.0.url` in kaleem.toml line 1");
}

#[test]
fn a_file_that_is_named_must_exist_and_be_toml() {
    let mut case = Case::new();
    case.sources.file = Some(case.folder.path().join("none.toml"));
    assert_eq!(
        case.error(),
        "the configuration file none.toml cannot be read: No such file or directory (os error 2)"
    );

    let broken = Case::new().file("[gateway]\nport = 1\nkey = \"hunter2\n");
    let text = broken.error();
    assert!(text.starts_with("kaleem.toml line 3 is not valid TOML: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_huge_file_is_refused() {
    let text = "#".repeat(usize::try_from(Size::mib(1).get()).unwrap() + 1);
    assert_eq!(
        Case::new().file(&text).error(),
        "the configuration file kaleem.toml cannot be read: it is larger than 1 MiB"
    );
}

#[test]
fn names_that_spell_no_key_are_refused() {
    assert_eq!(
        Case::new().env("KALEEM__GATEWAY____PORT", "1").error(),
        "environment variable KALEEM__GATEWAY____PORT does not name a key: spell it as KALEEM__SECTION__KEY"
    );
    assert_eq!(
        Case::new().set("gateway.", "1").error(),
        "the command line option for gateway. does not name a key: spell it as section.key"
    );
}

#[cfg(unix)]
#[test]
fn a_variable_must_be_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut case = Case::new();
    case.env.push(("KALEEM__GATEWAY__LISTEN".into(), OsString::from_vec(vec![0xff])));
    assert_eq!(case.error(), "environment variable KALEEM__GATEWAY__LISTEN is not valid UTF-8");
}

#[test]
fn secrets_come_from_text_file_or_variable() {
    let secret = |case: &Case| case.load().unwrap().gateway.key.unwrap().expose().to_owned();
    assert_eq!(secret(&Case::new().file("gateway.key = 'hunter2'")), "hunter2");
    assert_eq!(secret(&Case::new().env("KALEEM__GATEWAY__KEY", "007")), "007");
    assert_eq!(secret(&Case::new().env("KALEEM__GATEWAY__KEY", "1234")), "1234");

    let case = Case::new();
    let path = case.folder.path().join("key");
    fs::write(&path, "from file \r\n").unwrap();
    assert_eq!(secret(&case.file(&format!("gateway.key = {{ file = '{}' }}", path.display()))), "from file ");

    // The test runner sets this one.
    let variable = Case::new().env("KALEEM__GATEWAY__KEY", "{ env = 'CARGO_PKG_NAME' }");
    assert_eq!(secret(&variable), "kaleem-runtime");
}

#[test]
fn a_secret_that_cannot_be_read_says_why() {
    let at = "`gateway.key` in kaleem.toml line 1:";
    let error = |text: &str| Case::new().file(text).error();
    assert_eq!(
        error("gateway.key = { file = '/no/such/key' }"),
        format!(
            "{at} names the file /no/such/key, which cannot be read: No such file or directory (os error 2)"
        )
    );
    assert_eq!(
        error("gateway.key = { env = 'KALEEM_NO_SUCH' }"),
        format!("{at} names the environment variable KALEEM_NO_SUCH, which is not set")
    );
    assert_eq!(error("gateway.key = {}"), format!("{at} names no source: give `file` or `env`"));
    assert_eq!(
        error("gateway.key = { env = 'A', file = 'b' }"),
        format!("{at} names two sources: give either `file` or `env`")
    );
    assert_eq!(
        error("gateway.key = '[redacted]'"),
        format!("{at} is the placeholder of a dump; put the secret itself in its place")
    );
}

#[test]
fn a_dump_shows_no_secret_and_loads_again() {
    let config = Case::new().file("gateway.key = 'hunter2'\ngateway.timeout = '90s'").load().unwrap();
    let text = dump(&config).unwrap();
    assert!(text.contains("key = \"[redacted]\""), "{text}");
    assert!(text.contains("timeout = \"1m 30s\"") && text.contains("max_body = \"8MiB\""), "{text}");
    for shown in [text.clone(), format!("{config:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let again = Case::new().file(&text.replace("[redacted]", "other")).load().unwrap();
    assert_eq!(dump(&again).unwrap(), text);
}
