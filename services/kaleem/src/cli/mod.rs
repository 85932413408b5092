//! The command line: servers, a client that a newcomer can live from, and the tools of an operator.

mod bench;
mod certs;
mod chat;
mod client;
mod config;
mod doctor;
mod exit;
mod guard;
mod key;
mod ledger;
mod lines;
mod merchant;
mod policy;
mod price;
mod quota;
mod redact;
mod serve;
mod statement;
mod table;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use client::ClientArgs;
use serve::ServerArgs;

/// kaleem, an AI gateway for merchants: one front door for gRPC and OpenAI clients, with personal data taken out, quotas held
/// exactly and every token billed.
///
/// First steps: `kaleem up` starts everything in one process; `kaleem chat "هل تشحنون إلى جدة؟"` asks it; `kaleem doctor` says
/// what is missing. Exit codes: 0 done, 64 wrong usage or configuration, 65 the request was refused, 69 not reachable,
/// 70 a defect, 73 the data folder cannot be used, 75 quota or load: try later, 77 not permitted, 78 cannot start.
#[derive(Debug, Parser)]
#[command(name = "kaleem", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts every service in this process, with a demonstration merchant at the first start. Its stores are files in the data
    /// folder, or with --store and --redis databases.
    Up(ServerArgs),
    /// Starts some services; the rest is reached at mesh.peers (by default a fixed port each on this host).
    Serve(serve::ServeArgs),
    /// Asks one question and streams the answer; then shows model, route, tokens, cost and what is left of the quota.
    Chat(chat::ChatArgs),
    /// Makes, lists, suspends and resumes merchants.
    Merchant(merchant::MerchantArgs),
    /// Issues, lists and revokes API keys.
    Key(key::KeyArgs),
    /// Shows what a merchant used, what is held and what it costs.
    Usage(usage::UsageArgs),
    /// Shows caps, adds to them, suspends and resumes.
    Quota(quota::QuotaArgs),
    /// Shows or closes what a merchant owes for a month.
    Statement(statement::StatementArgs),
    /// Proves the books.
    Ledger(ledger::LedgerArgs),
    /// Lists prices and adds new ones; versions never change.
    Price(price::PriceArgs),
    /// Shows, changes and explains what happens to a merchant's personal data.
    Policy(policy::PolicyArgs),
    /// Finds personal data in a file or in what is piped in, without any service.
    Redact(redact::RedactArgs),
    /// Checks answers against a shop's facts, from a file or from what is piped in, without any service.
    Guard(guard::GuardArgs),
    /// Says what is reachable, what is missing and how to mend it.
    Doctor(doctor::DoctorArgs),
    /// Checks or prints the configuration.
    Config(config::ConfigArgs),
    /// Loads a running server at a fixed rate and prints latencies, rates and what it costs.
    Bench(bench::BenchArgs),
    /// Makes certificates for mutual TLS between services.
    Certs(certs::CertsArgs),
    /// Prints shell completions: `kaleem completions bash > /etc/bash_completion.d/kaleem`.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments, runs the command and turns its end into an exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors.
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if let Err(error) = crate::failpoints::arm() {
        return exit::report(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("the runtime cannot start")),
    };
    // Every TLS user of the process takes ring; a second install is no error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match runtime.block_on(run(cli.command)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => exit::report(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        // The whole mesh is in this future; it is kept off the stack.
        Command::Up(args) => Box::pin(serve::up(args)).await,
        Command::Serve(args) => Box::pin(serve::serve(args)).await,
        Command::Chat(args) => chat::run(args).await.map(|()| 0),
        Command::Merchant(args) => merchant::run(args).await.map(|()| 0),
        Command::Key(args) => key::run(args).await.map(|()| 0),
        Command::Usage(args) => usage::run(args).await.map(|()| 0),
        Command::Quota(args) => quota::run(args).await.map(|()| 0),
        Command::Statement(args) => statement::run(args).await.map(|()| 0),
        Command::Ledger(args) => ledger::run(args).await,
        Command::Price(args) => price::run(args).await.map(|()| 0),
        Command::Policy(args) => policy::run(args).await.map(|()| 0),
        Command::Redact(args) => redact::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Config(args) => config::run(&args).map(|()| 0),
        Command::Bench(args) => bench::run(args).await.map(|()| 0),
        Command::Certs(args) => certs::run(&args).map(|()| 0),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "kaleem", &mut std::io::stdout());
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
