"""Train the note-classifier extractor; write its weights, and print their hash and accuracy.

    python plugins/audio/tools/train_note_classifier.py [OUT.safetensors]

Takes under a minute on one CPU thread. On another machine the result differs in its last bits from
the shipped file, which is identified by the hash in
``ganzoo_audio/extractors/note_classifier.py``.
"""

import sys
from hashlib import sha256
from pathlib import Path

import torch
from ganzoo_audio.datasets.notes import Notes
from ganzoo_audio.extractors.note_classifier import FILE, Network, bands_of
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

STEPS, BATCH, LEARNING_RATE = 3000, 256, 3e-3
NOTES = 2000
FORMS = [(4000, 1024), (8000, 2048), (8000, 4096)]
"""Sample rates and lengths that it is trained on."""
NOISE = 0.1
"""Largest standard deviation of the noise that is added."""

METADATA = {
    "title": "note-classifier: classifier of the ten pitches of notes, float16",
    "license": "Apache-2.0",
    "training data": "generated notes",
    "made by": "plugins/audio/tools/train_note_classifier.py",
}


def noisy(clips: Tensor, random: torch.Generator) -> Tensor:
    """Return clips with white noise, each of another level; half of them with hardly any."""
    level = NOISE * torch.rand(len(clips), 1, 1, generator=random).square()
    return clips + level * torch.randn(clips.shape, generator=random)


def main(out: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(0)
    inputs, labels = [], []
    for rate, length in FORMS:
        notes = Notes("extractor", length=NOTES, clip_samples=length, sample_rate=rate)
        clips, pitches = notes.tensors()
        for _ in range(3):
            inputs.append(bands_of(noisy(clips, random), rate))
            labels.append(pitches)
    x, y = torch.cat(inputs), torch.cat(labels)
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, STEPS)
    for _ in range(STEPS):
        chosen = torch.randint(len(x), (BATCH,), generator=random)
        loss = cross_entropy(network.class_logits(network(x[chosen])), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    weights = {name: weight.half() for name, weight in network.state_dict().items()}
    save_file(weights, out, metadata=METADATA)
    report(out)


@torch.no_grad()
def report(file: Path) -> None:
    """Print the hash of a file of weights, and its accuracy on what it was not trained on."""
    network = Network()
    network.load_state_dict({name: weight.float() for name, weight in load_file(file).items()})
    random = torch.Generator().manual_seed(1)
    for rate, length in FORMS:
        notes = Notes("test", length=5000, clip_samples=length, sample_rate=rate)
        clips, labels = notes.tensors()
        for words, heard in (("", clips), (" with noise", noisy(clips, random))):
            found = network.class_logits(network(bands_of(heard, rate))).argmax(1)
            right = (found == labels).double().mean().item()
            print(f"notes of {length} samples at {rate} Hz{words}, test: {right:.2%}")
    print(f"{file}: {file.stat().st_size:,} bytes")
    print(f'WEIGHTS_SHA256 = "{sha256(file.read_bytes()).hexdigest()}"')


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
