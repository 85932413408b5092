"""A small Llama in plain PyTorch whose parameters carry the standard names, so that any Llama loader reads the weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 160,
    "intermediate_size": 448,
    "num_hidden_layers": 4,
    "num_attention_heads": 5,
    "num_key_value_heads": 5,
    "head_dim": 32,
    "hidden_act": "silu",
    "vocab_size": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "max_position_embeddings": 512,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "initializer_range": 0.08,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "tie_word_embeddings": True,
    "use_cache": True,
    "torch_dtype": "float16",
}


def rope(length: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Returns cosines and sines, [length, head_dim], in the rotate-half layout."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns queries or keys, [batch, heads, length, head_dim], by their positions."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Attention(nn.Module):
    """Causal attention with shared key and value heads."""

    def __init__(self, config: dict):
        super().__init__()
        hidden, self.head_dim = config["hidden_size"], config["head_dim"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.q_proj = nn.Linear(hidden, self.heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden, self.kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden, self.kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head_dim, hidden, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        groups = self.heads // self.kv_heads
        k, v = rotate(k, cos, sin).repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        out = F.scaled_dot_product_attention(rotate(q, cos, sin), k, v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, -1))


class Mlp(nn.Module):
    """The gated feed-forward part of a layer."""

    def __init__(self, config: dict):
        super().__init__()
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One decoder layer: normalise, attend, add; normalise, feed forward, add."""

    def __init__(self, config: dict):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """The token embeddings, the layers and the last norm; named `model` in the checkpoint."""

    def __init__(self, config: dict):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        cos, sin = rope(config["max_position_embeddings"], config["head_dim"], config["rope_theta"])
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x, length = self.embed_tokens(tokens), tokens.shape[1]
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        return self.norm(x)


class Llama(nn.Module):
    """The language model; its output head is the transposed embedding table."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                # Smaller output projections keep the residual stream calm at the start.
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=config["initializer_range"] / ((2 * config["num_hidden_layers"]) ** 0.5 if deep else 1))
        self._look_back()

    @torch.no_grad()
    def _look_back(self) -> None:
        """Lets the first two heads start out attending to one and two tokens back.

        Copying a random code needs to know what precedes each character. Gradient descent finds such heads only late in so
        short a training, so they are there from the start, and are trained like all else. A constant first coordinate of
        every embedding (the same for all tokens, so it favours none) gives queries and keys something that depends on no
        content; a query turned back by a distance meets best the key at that distance.
        """
        constant, sharpness, pairs, size = 0.2, 6.6, 4, self.config["head_dim"]
        # What the first norm makes of the constant, beside the random coordinates.
        hidden, spread = self.config["hidden_size"], self.config["initializer_range"]
        strength = sharpness / (constant / ((constant**2 + (hidden - 1) * spread**2) / hidden) ** 0.5)
        attention = self.model.layers[0].self_attn
        self.model.embed_tokens.weight[:, 0] = constant
        # Where heads share keys, these two do; else the second has its own.
        for first in {0, size * (attention.kv_heads // attention.heads)}:
            attention.k_proj.weight[first : first + size] = 0
            attention.k_proj.weight[first : first + pairs, 0] = strength
        attention.q_proj.weight[: 2 * size] = 0
        for head, distance in ((0, 1), (1, 2)):
            angle = -distance * self.config["rope_theta"] ** (-2 * torch.arange(pairs) / size)
            first = head * size
            attention.q_proj.weight[first : first + pairs, 0] = strength * angle.cos()
            attention.q_proj.weight[first + size // 2 : first + size // 2 + pairs, 0] = strength * angle.sin()

    def logits(self, states: Tensor) -> Tensor:
        """Turns hidden states into scores over the vocabulary."""
        return F.linear(states, self.model.embed_tokens.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns the hidden state of each position, [batch, length, hidden]; `logits` scores those that are needed."""
        return self.model(tokens)


@torch.inference_mode()
def greedy(model: Llama, prompts: list[list[int]], new_tokens: int = 96, batch_size: int = 48) -> list[list[int]]:
    """Returns the greedy continuation of each prompt, without the end token; prompts of like length are decoded together."""
    eos, answers = model.config["eos_token_id"], [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch_size):
        running = order[start : start + batch_size]
        for _ in range(new_tokens):
            rows = [prompts[index] + answers[index] for index in running]
            tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
            for row, values in enumerate(rows):
                tokens[row, : len(values)] = torch.tensor(values)
            last = model(tokens)[torch.arange(len(rows)), torch.tensor([len(values) - 1 for values in rows])]
            chosen = model.logits(last).argmax(-1).tolist()
            for index, token in zip(running, chosen):
                answers[index].append(token)
            running = [index for index, token in zip(running, chosen) if token != eos]
            if not running:
                break
    return [[token for token in tokens if token != eos] for tokens in answers]
