//! Compiles `proto/` with protox, so that no `protoc` is needed, and keeps the descriptor set for reflection.
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost::Message as _;

/// Messages that carry what people wrote or what opens a door. They have no derived `Debug`, so that no log, error or panic can
/// format them by accident; `src/opaque.rs` gives them one that shows their names.
const OPAQUE: [&str; 27] = [
    ".kaleem.accounts.v1.AuthenticateRequest",
    ".kaleem.accounts.v1.IssueKeyResponse",
    ".kaleem.chat.v1.GenerationOptions",
    ".kaleem.chat.v1.Image",
    ".kaleem.chat.v1.Message",
    ".kaleem.chat.v1.Part",
    ".kaleem.chat.v1.Reasoning",
    ".kaleem.chat.v1.ReasoningDelta",
    ".kaleem.chat.v1.ResponseFormat.JsonSchema",
    ".kaleem.chat.v1.TextDelta",
    ".kaleem.chat.v1.Tool",
    ".kaleem.chat.v1.ToolCall",
    ".kaleem.chat.v1.ToolCallDelta",
    ".kaleem.chat.v1.ToolResult",
    ".kaleem.gateway.v1.ChatInput",
    ".kaleem.gateway.v1.EmbedRequest",
    ".kaleem.provider.v1.EmbedRequest",
    ".kaleem.redaction.v1.CheckAnswerRequest",
    ".kaleem.redaction.v1.ExplainRedactionRequest",
    ".kaleem.redaction.v1.InspectAnswerRequest",
    ".kaleem.redaction.v1.InspectAnswerResponse",
    ".kaleem.redaction.v1.Placeholder",
    ".kaleem.redaction.v1.RedactTextRequest",
    ".kaleem.redaction.v1.RedactTextResponse",
    ".kaleem.redaction.v1.StreamRestoreRequest.Piece",
    ".kaleem.redaction.v1.StreamRestoreResponse",
    ".kaleem.router.v1.RouteFeatures",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Of the run and not of the compilation: a shared target folder may hold this program from another checkout.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // `compile_fds` does not write the set itself.
    fs::write(out.join("kaleem.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes("kaleem.provider.v1.StreamGenerateRequest.admission")
        .skip_debug(OPAQUE)
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
