//! `kaleem certs`.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use kaleem_domain::Clock as _;
use kaleem_rpc::{Target, certs::DevAuthority};
use kaleem_runtime::SystemClock;

#[derive(Debug, Args)]
pub(super) struct CertsArgs {
    #[command(subcommand)]
    command: CertsCommand,
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// Makes a development authority and one certificate a target.
    Dev {
        /// Folder to write to.
        #[arg(long, default_value = "kaleem-data/certs")]
        out: PathBuf,
        /// Further host names or addresses that the services answer to; may be repeated.
        #[arg(long)]
        host: Vec<String>,
        /// Days of validity.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=825))]
        days: i64,
        /// Replaces certificates that are there.
        #[arg(long)]
        force: bool,
    },
}

pub(super) fn run(args: &CertsArgs) -> anyhow::Result<()> {
    let CertsCommand::Dev { out, host, days, force } = &args.command;
    let leaves = Target::ALL.map(Target::name);
    let authority =
        DevAuthority { folder: out, leaves: &leaves, hosts: host, days: *days, now: SystemClock.now() };
    authority.create(*force)?;
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "made ca.pem and {} certificates in {}, valid {days} days",
        leaves.len(),
        out.display()
    )?;
    writeln!(
        stdout,
        "use them with, for the quota service: --set mesh.tls.ca_file={0}/ca.pem \\",
        out.display()
    )?;
    writeln!(
        stdout,
        "  --set mesh.tls.cert_file={0}/quota.pem --set mesh.tls.key_file={0}/quota.key",
        out.display()
    )?;
    Ok(())
}
