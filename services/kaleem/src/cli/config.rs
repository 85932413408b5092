//! `kaleem config`.

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::serve::ServerArgs;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Reads the configuration and says what is wrong with it.
    Check(ServerArgs),
    /// Prints the configuration in force, defaults included, without its secrets.
    Dump(ServerArgs),
}

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &args.command {
        ConfigCommand::Check(server) => {
            server.load()?;
            writeln!(out, "the configuration is sound")?;
        }
        ConfigCommand::Dump(server) => {
            let config = server.load()?;
            write!(out, "{}", kaleem_runtime::config::dump(&config)?)?;
        }
    }
    Ok(())
}
