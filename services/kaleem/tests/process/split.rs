//! Every target in a process of its own, over TCP with mutual TLS.

use std::{collections::BTreeMap, net::TcpListener, path::Path, time::Duration};

use kaleem_rpc::Target;

use super::server::{Folder, Server, kaleem, model};

/// The arguments of one process: its certificate, and where everybody listens.
fn arguments(target: Target, ports: &BTreeMap<Target, u16>, folder: &Path) -> Vec<String> {
    let mut settings = vec![
        format!("data_dir={}", folder.join(target.name()).display()),
        format!("mesh.secret_file={}", folder.join("mesh.secret").display()),
        format!("mesh.tls.ca_file={}", folder.join("certs/ca.pem").display()),
        format!("mesh.tls.cert_file={}", folder.join(format!("certs/{target}.pem")).display()),
        format!("mesh.tls.key_file={}", folder.join(format!("certs/{target}.key")).display()),
        format!("listen=127.0.0.1:{}", ports[&Target::Gateway]),
        "demo=true".to_owned(),
        "provider_local.engine.enabled=true".to_owned(),
        "provider_local.engine.model_id=kaleem-demo".to_owned(),
        format!("provider_local.engine.model_dir={}", model().display()),
    ];
    for (target, port) in ports.iter().filter(|(target, _)| **target != Target::Gateway) {
        settings.push(format!("mesh.listen.{target}=127.0.0.1:{port}"));
        settings.push(format!("mesh.peers.{target}=https://localhost:{port}"));
    }
    let mut arguments = vec!["serve".to_owned(), "--target".to_owned(), target.name().to_owned()];
    for setting in settings {
        arguments.extend(["--set".to_owned(), setting]);
    }
    arguments
}

#[test]
fn eight_processes_with_mutual_tls_are_the_same_product() {
    let folder = Folder::new();
    assert_eq!(kaleem(&folder, &["certs", "dev", "--out", "certs"]).code, 0);
    // Bound and let go: another program could take one in between, and the start would say so.
    let held = Target::ALL.map(|target| (target, TcpListener::bind("127.0.0.1:0").unwrap()));
    let ports = held.iter().map(|(target, bound)| (*target, bound.local_addr().unwrap().port())).collect();
    drop(held);
    let servers = Target::ALL.map(|target| {
        let arguments = arguments(target, &ports, folder.path());
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Server::start(folder.path(), &arguments)
    });
    let gateway = servers.last().unwrap();
    let key_file = folder.path().join("accounts/admin.key");
    gateway.wait_until(Duration::from_mins(1), || key_file.exists().then_some(()));
    let demo_key = folder.path().join("accounts/demo.key");
    gateway.wait_until(Duration::from_secs(10), || demo_key.exists().then_some(()));
    let server = format!("http://127.0.0.1:{}", ports[&Target::Gateway]);
    let accounts = folder.path().join("accounts");
    let client = |args: &[&str]| {
        let common = ["--server", server.as_str(), "--data-dir", accounts.to_str().unwrap()];
        kaleem(&folder, &[args, &common].concat())
    };
    assert_eq!(client(&["doctor", "--wait", "60s"]).code, 0);
    let chat = client(&["chat", "هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧", "--show-redacted"]);
    assert_eq!(chat.code, 0, "{chat:?}");
    assert!(chat.stdout.contains("[[PHONE:") && chat.stdout.contains("جدة خلال"), "{}", chat.stdout);
    assert!(chat.stdout.contains("٠٥٥١٢٣٤٥٦٧"), "{}", chat.stdout);
    gateway.wait_until(Duration::from_secs(10), || {
        (client(&["usage", "--json"]).json()["billed"]["requests"] == 1).then_some(())
    });
    for server in servers.into_iter().rev() {
        assert_eq!(server.terminate(), Some(0));
    }
}
