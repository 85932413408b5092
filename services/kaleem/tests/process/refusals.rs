//! What stands in the way of a start is named, with the way out and an exit code that fits.

use std::{fs, net::TcpListener};

use super::server::{Folder, Said, kaleem, model};

fn refused(args: &[&str], code: i32, named: &[&str]) -> (Folder, Said) {
    let folder = Folder::new();
    let said = kaleem(&folder, args);
    assert_eq!(said.code, code, "{args:?}: {said:?}");
    for word in named {
        assert!(said.stderr.contains(word), "{word} is missing in {}", said.stderr);
    }
    (folder, said)
}

#[test]
fn an_occupied_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&["up", "--listen", &address], 69, &[&address, "--listen"]);
}

#[test]
fn a_data_folder_that_is_a_file() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let said = kaleem(&folder, &["up", "--listen", "127.0.0.1:0", "--data-dir", file.to_str().unwrap()]);
    assert_eq!(said.code, 73, "{said:?}");
    assert!(said.stderr.contains("--data-dir") && said.stderr.contains(file.to_str().unwrap()), "{said:?}");
}

#[test]
fn a_wrong_key_a_wrong_value_and_a_missing_file() {
    refused(&["config", "check", "--set", "gateway.lisen=1"], 64, &["lisen"]);
    refused(&["config", "check", "--set", "gateway.idle_timeout=soon"], 64, &["gateway.idle_timeout"]);
    refused(
        &["config", "check", "--set", "mesh.peers.quota=localhost:8102"],
        64,
        &["mesh.peers", "quota", "http://"],
    );
    refused(&["config", "check", "--set", "gateway.hold_ttl=0s"], 64, &["gateway", "hold_ttl"]);
    refused(&["config", "check", "--set", "billing.commit_events=0"], 64, &["billing", "commit_events"]);
    let worker = r#"provider_local.workers=[{name="a",base_url="localhost:8000"}]"#;
    refused(&["config", "check", "--set", worker], 64, &["provider_local", "workers[0].base_url"]);
    refused(&["config", "check", "--config", "absent.toml"], 64, &["absent.toml"]);
    let folder = Folder::new();
    fs::write(folder.path().join("kaleem.toml"), "[gateway]\nlisen = 1\n").unwrap();
    let said = kaleem(&folder, &["up", "--config", "kaleem.toml"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.stderr.contains("lisen") && said.stderr.contains("kaleem.toml"), "{said:?}");
}

#[test]
fn a_database_that_is_none_or_does_not_answer_and_never_its_password() {
    const PASSWORD: &str = "hunter2";
    let nothing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("postgres://kaleem:{PASSWORD}@{nothing}/kaleem");
    let (mysql, plain) = (format!("mysql://kaleem:{PASSWORD}@db/kaleem"), format!(":{PASSWORD}@cache:6379"));
    let misspelt = format!("postgres://db/kaleem?pasword={PASSWORD}");
    let refusals = [
        refused(&["config", "check", "--store", &mysql], 64, &["store: postgres_url", "postgres://"]),
        refused(&["config", "check", "--redis", &plain], 64, &["store: redis_url", "redis://"]),
        refused(&["config", "check", "--store", &misspelt], 64, &["postgres_url", "sslmode"]),
        refused(
            &["up", "--listen", "127.0.0.1:0", "--store", &unreachable],
            78,
            &["accounts cannot start", &nothing.to_string(), "Connection refused"],
        ),
    ];
    for (_, said) in &refusals {
        assert!(!said.stderr.contains(PASSWORD) && !said.stdout.contains(PASSWORD), "{said:?}");
    }
    let folder = Folder::new();
    let dumped = kaleem(&folder, &["config", "dump", "--store", &unreachable]);
    assert_eq!((dumped.code, dumped.stdout.contains(PASSWORD)), (0, false), "{dumped:?}");
    assert!(dumped.stdout.contains("postgres_url = \"[redacted]\""), "{dumped:?}");
}

#[test]
fn a_corrupt_model_folder() {
    let folder = Folder::new();
    let broken = folder.path().join("model");
    fs::create_dir(&broken).unwrap();
    for file in fs::read_dir(model()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), broken.join(file.file_name())).unwrap();
    }
    fs::write(broken.join("config.json"), "{").unwrap();
    let said = kaleem(&folder, &["up", "--listen", "127.0.0.1:0", "--model-dir", broken.to_str().unwrap()]);
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.stderr.contains("config.json"), "{said:?}");
}

#[test]
fn expired_certificates() {
    use kaleem_domain::Clock as _;
    let folder = Folder::new();
    let certificates = folder.path().join("certs");
    let authority = kaleem_rpc::certs::DevAuthority {
        folder: &certificates,
        leaves: &["quota"],
        hosts: &[],
        days: -3,
        now: kaleem_runtime::SystemClock.now(),
    };
    authority.create(false).unwrap();
    let tls = |key: &str, file: &str| format!("mesh.tls.{key}={}", certificates.join(file).display());
    let (ca, cert, key) =
        (tls("ca_file", "ca.pem"), tls("cert_file", "quota.pem"), tls("key_file", "quota.key"));
    let said = kaleem(&folder, &["serve", "--target", "quota", "--set", &ca, "--set", &cert, "--set", &key]);
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.stderr.contains("ca.pem") && said.stderr.contains("kaleem certs dev"), "{said:?}");
}

#[test]
fn no_server_and_no_key() {
    let nothing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{nothing}");
    refused(&["chat", "مرحبا"], 77, &["--api-key", "kaleem up"]);
    refused(&["chat", "مرحبا", "--server", &server, "--api-key", "klm_dev_a_b"], 69, &[&nothing.to_string()]);
    let folder = Folder::new();
    let said = kaleem(&folder, &["doctor", "--server", &server]);
    assert_eq!((said.code, said.stdout.contains("kaleem up")), (69, true), "{said:?}");
}
