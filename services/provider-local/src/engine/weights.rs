//! Reads weights into a network. Files are read whole, a shard at a time: mapping them would need unsafe code.

use std::collections::HashMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file;
use candle_core::{DType, Device, Tensor, safetensors};
use candle_nn::VarBuilder;
use candle_transformers::models::{llama, quantized_llama, quantized_qwen2, qwen2};

use super::LoadError;
use super::architecture::Architecture;
use super::manifest;
use super::network::{Kind, Network};

/// Longest context of a Llama-architecture GGUF file: the reader makes position tables for no more.
const GGUF_LLAMA_CONTEXT_MAX: usize = quantized_llama::MAX_SEQ_LEN;

/// A network with what the folder's other files do not say about it.
pub struct Loaded {
    /// The network.
    pub network: Network,
    /// Longest prompt plus answer.
    pub context: usize,
    /// Entries of the vocabulary.
    pub vocabulary: usize,
    /// Numbers in all tensors.
    pub parameters: usize,
    /// What a GGUF file says about the text side.
    pub embedded: Embedded,
}

/// Text-side facts of a GGUF file; empty for safetensors.
#[derive(Default)]
pub struct Embedded {
    /// Chat template.
    pub template: Option<String>,
    /// Id that begins a text.
    pub bos: Option<u32>,
    /// Id that ends a text.
    pub eos: Option<u32>,
}

/// The device to compute on: the first GPU in a build with the `cuda` feature, else the CPU.
pub fn device() -> Result<Device, LoadError> {
    if cfg!(feature = "cuda") {
        return Device::new_cuda(0).map_err(|error| LoadError::Device(error.to_string()));
    }
    Ok(Device::Cpu)
}

/// Builds a network of safetensors files.
pub fn safetensors_network(
    folder: &Path,
    files: &[PathBuf],
    mut architecture: Architecture,
    context_limit: usize,
) -> Result<Loaded, LoadError> {
    let device = device()?;
    // Half precision is slower than f32 on a CPU, and tiny models lose more by its rounding.
    let dtype = if device.is_cuda() { DType::BF16 } else { DType::F32 };
    let mut tensors = HashMap::new();
    for file in files {
        read_shard(file, dtype, &device, &mut tensors)?;
    }
    manifest::check(&architecture, &tensors).map_err(|detail| LoadError::weights(folder, &detail))?;
    let context = architecture.limit_context(context_limit);
    let vocabulary = architecture.vocabulary();
    let parameters = tensors.values().map(Tensor::elem_count).sum();
    let builder = VarBuilder::from_tensors(tensors, dtype, &device);
    let unusable = |error: candle_core::Error| LoadError::weights(folder, &error);
    let kind = match architecture {
        Architecture::Llama(config) => {
            let cache = llama::Cache::new(true, dtype, &config, &device).map_err(unusable)?;
            let model = llama::Llama::load(builder, &config).map_err(unusable)?;
            Kind::Llama { model: Box::new(model), cache: Box::new(cache) }
        }
        Architecture::Qwen2(config) => {
            Kind::Qwen2(Box::new(qwen2::ModelForCausalLM::new(&config, builder).map_err(unusable)?))
        }
    };
    Ok(Loaded {
        network: Network::new(kind, device),
        context,
        vocabulary,
        parameters,
        embedded: Embedded::default(),
    })
}

fn read_shard(
    file: &Path,
    dtype: DType,
    device: &Device,
    tensors: &mut HashMap<String, Tensor>,
) -> Result<(), LoadError> {
    let bytes = super::folder::read(file)?;
    let malformed = |error: candle_core::Error| LoadError::malformed(file, &error);
    let shard = safetensors::SliceSafetensors::new(&bytes).map_err(malformed)?;
    for (name, _) in shard.tensors() {
        let tensor =
            shard.load(&name, device).and_then(|tensor| tensor.to_dtype(dtype)).map_err(malformed)?;
        tensors.insert(name, tensor);
    }
    Ok(())
}

/// Builds a network of a GGUF file.
pub fn gguf_network(file: &Path, context_limit: usize) -> Result<Loaded, LoadError> {
    let device = device()?;
    let malformed = |error: candle_core::Error| LoadError::malformed(file, &error);
    let opened = std::fs::File::open(file)
        .map_err(|source| LoadError::Unreadable { file: file.to_owned(), source })?;
    let mut reader = BufReader::new(opened);
    let gguf = gguf_file::Content::read(&mut reader).map_err(malformed)?;
    let text = |key: &str| gguf.metadata.get(key).and_then(|value| value.to_string().ok().cloned());
    let architecture = text("general.architecture").unwrap_or_default();
    let number = |key: &str| gguf.metadata.get(key).and_then(|value| value.to_u64().ok());
    let id = |key: &str| number(key).and_then(|id| u32::try_from(id).ok());
    let size =
        |key: &str| number(&format!("{architecture}.{key}")).and_then(|size| usize::try_from(size).ok());
    let trained =
        size("context_length").ok_or_else(|| LoadError::malformed(file, &"it names no context_length"))?;
    let embedded = Embedded {
        template: text("tokenizer.chat_template"),
        bos: id("tokenizer.ggml.bos_token_id"),
        eos: id("tokenizer.ggml.eos_token_id"),
    };
    let parameters = gguf.tensor_infos.values().map(|info| info.shape.elem_count()).sum();
    let embeddings =
        gguf.tensor_infos.get("token_embd.weight").and_then(|info| info.shape.dims().first().copied());
    let vocabulary = embeddings.ok_or_else(|| LoadError::malformed(file, &"it has no token_embd.weight"))?;
    let (kind, bound) = match architecture.as_str() {
        "llama" => {
            let model =
                quantized_llama::ModelWeights::from_gguf(gguf, &mut reader, &device).map_err(malformed)?;
            (Kind::GgufLlama(Box::new(model)), GGUF_LLAMA_CONTEXT_MAX)
        }
        "qwen2" => {
            let model =
                quantized_qwen2::ModelWeights::from_gguf(gguf, &mut reader, &device).map_err(malformed)?;
            (Kind::GgufQwen2(std::sync::Mutex::new(Box::new(model))), usize::MAX)
        }
        other => {
            let what = format!("architecture {other:?} (known in GGUF: llama, qwen2)");
            return Err(LoadError::unsupported(file, what));
        }
    };
    let context = trained.min(context_limit).min(bound);
    Ok(Loaded { network: Network::new(kind, device), context, vocabulary, parameters, embedded })
}
