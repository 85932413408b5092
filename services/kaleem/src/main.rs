//! The kaleem binary.

fn main() -> std::process::ExitCode {
    kaleem::cli::main()
}
