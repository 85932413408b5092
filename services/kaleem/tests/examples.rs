//! Every configuration in `deploy/config` is one that the binary takes, and is what its first line promises.
#![expect(clippy::panic, reason = "a test stops at its first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use kaleem::Config;
use kaleem_rpc::Target;
use kaleem_runtime::config::{Sources, dump, load};

const EXAMPLES: [&str; 7] =
    ["all-in-one", "gemini", "local-pool-vllm", "mesh", "name-model", "production", "split-gateway"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn sources(file: PathBuf) -> Sources {
    // Without a prefix the environment of the test run is not read.
    Sources { file: Some(file), env_prefix: String::new(), overrides: Vec::new() }
}

fn example(name: &str) -> Config {
    let file = deploy().join("config").join(format!("{name}.toml"));
    load(&sources(file)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_example_is_read_and_sound() {
    let mut names: Vec<_> = fs::read_dir(deploy().join("config"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, EXAMPLES);
    for name in names {
        let config = example(&name);
        config.check().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_values_that_all_in_one_spells_out_are_the_defaults() {
    assert_eq!(dump(&example("all-in-one")).unwrap(), dump(&Config::default()).unwrap());
}

#[test]
fn the_split_gateway_reaches_every_other_target_over_mutual_tls() {
    let config = example("split-gateway");
    assert!(config.mesh.tls.is_some() && config.mesh.secret_file.is_some());
    for target in Target::ALL.into_iter().filter(|target| *target != Target::Gateway) {
        let peer = config.mesh.peers.get(&target).unwrap_or_else(|| panic!("{target} has no address"));
        assert!(peer.starts_with("https://"), "{target}: {peer}");
    }
}

#[test]
fn the_mesh_listens_where_its_peers_look_and_never_without_tls() {
    let config = example("mesh");
    assert!(config.mesh.tls.is_some(), "these listeners leave the machine");
    assert!(config.mesh.secret_file.is_some(), "each process would make a secret of its own");
    let ports: BTreeMap<_, _> =
        config.mesh.listen.iter().map(|(target, listen)| (*target, listen.port())).collect();
    assert_eq!(ports.len(), Target::ALL.len() - 1);
    for (target, port) in ports {
        assert_eq!(config.mesh.peers[&target], format!("https://{target}:{port}"));
    }
}

#[test]
fn production_shares_its_databases_and_dumps_no_address() {
    let mut config = example("production");
    let (postgres, redis) = (config.store.postgres_url.clone(), config.store.redis_url.clone());
    config.place_stores();
    let exposed = |url: &Option<kaleem_runtime::config::Secret>| url.as_ref().unwrap().expose().to_owned();
    for own in [&config.accounts.postgres_url, &config.billing.postgres_url] {
        assert_eq!(exposed(own), exposed(&postgres));
    }
    assert!(exposed(&redis).starts_with("rediss://"));
    let dumped = dump(&config).unwrap();
    assert!(!dumped.contains("db.internal") && !dumped.contains("cache.internal"), "{dumped}");
}

#[test]
fn names_are_found_in_the_own_network_and_personal_data_stays_in_the_region() {
    let config = example("name-model");
    assert!(config.redaction.name_model.url.contains("10.0.0.9") && !config.redaction.name_model.in_region);
    assert!(config.router.home_regions.contains(&config.provider_gemini.region));
}

#[test]
fn compose_runs_every_target() {
    let compose = fs::read_to_string(deploy().join("compose.yaml")).unwrap();
    for target in Target::ALL {
        assert!(compose.contains(&format!("\"--target\", \"{target}\"")), "{target} is missing");
        assert!(compose.contains(&format!("/certs/{target}.pem")), "{target} shows no certificate");
    }
}

#[test]
fn the_databases_of_compose_lose_nothing_and_every_service_that_keeps_something_gets_them() {
    let overlay = fs::read_to_string(deploy().join("compose.databases.yaml")).unwrap();
    for setting in ["\"--maxmemory-policy\", \"noeviction\"", "\"--appendonly\", \"yes\""] {
        assert!(overlay.contains(setting), "{setting} is missing");
    }
    for target in [Target::Accounts, Target::Billing, Target::Quota] {
        assert!(
            overlay.contains(&format!("  {target}:\n    <<: *kept\n    environment: *store\n")),
            "{target}"
        );
    }
}

#[test]
fn the_providers_are_what_the_names_say() {
    let pool = example("local-pool-vllm").provider_local;
    assert!(!pool.engine.enabled && pool.workers.len() > 1);
    assert!(pool.workers.iter().any(|worker| worker.kind == kaleem_provider_local::config::WorkerKind::Vllm));
    let gemini = example("gemini");
    let first = &gemini.router.policy.rules[0].candidates[0];
    assert!(first.covers("provider-gemini", "gemini-2.5-flash-lite"), "{first}");
}
