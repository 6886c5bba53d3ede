"""The demo behind ./demo: a server with real models, real pictures through every door, a table, annotated pictures, requests per second."""
import json
import pathlib
import sys

import doors
import pictures
import speed
from models import prepare
from server import Server
from table import print_table, print_with_notes

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "demo-output"


def classify_rows(server, classifiers):
    """Every labelled photo through every door; returns table rows and how many labels were right."""
    rows, right, asked = [], 0, 0
    for classifier in classifiers:
        for index, photo in enumerate(classifier.photos):
            door = doors.ALL[index % len(doors.ALL)]
            scores, milliseconds = door.infer(server, classifier.model, pictures.centre_crop(photo.path))
            answer = classifier.label(scores)
            asked += 1
            right += answer == photo.label
            rows.append([classifier.model.name, door.name, photo.path.name, answer[:28], "yes" if answer == photo.label else "NO", f"{milliseconds:.1f}"])
    return rows, right, asked


def read_text(server, reader):
    """Text detection and recognition on every page, drawn into demo-output/."""
    rows = []
    for page in reader.pages:
        found = pictures.read_page(server, reader, page)
        drawn = OUTPUT / f"{page.stem}-read.png"
        pictures.draw(page, found, drawn)
        for number, line in enumerate(found[:6], 1):
            rows.append([page.name, line.door, f"{number} {line.text[:44]}", f"{line.score:.3f}", f"{line.milliseconds:.1f}"])
        if len(found) > 6:
            rows.append([page.name, "", f"... and {len(found) - 6} more lines", "", ""])
        rows.append(["", "", f"drawn: {drawn.relative_to(ROOT)}", "", ""])
    return rows


def main():
    keep_serving = "--serve" in sys.argv[1:]
    OUTPUT.mkdir(exist_ok=True)
    repository = prepare(ROOT, OUTPUT)
    with Server(ROOT, OUTPUT, repository, fixed_ports=keep_serving) as server:
        results = {"models": server.describe_models()}
        print_with_notes("What runs where", ["model", "runtime", "device", "precision", "note"], results["models"])
        results["doors"] = doors.compare(server, repository)
        print_table("One picture through every door: the answers agree", ["door", "model", "answer", "ms"], results["doors"])
        results["text"] = read_text(server, repository.reader)
        print_table("Text read from pictures", ["picture", "door", "text", "score", "ms"], results["text"])
        if repository.classifiers:
            rows, right, asked = classify_rows(server, repository.classifiers)
            results["classified"] = rows
            print_table(f"Photos classified: {right} of {asked} as labelled", ["model", "door", "photo", "answer", "right", "ms"], rows)
        results["speed"] = speed.measure(server, repository)
        print_table("Requests per second (REST, binary pictures, on all cores together with the client)",
                    ["model", "connections", "requests/s", "median ms"], results["speed"])
        (OUTPUT / "demo.json").write_text(json.dumps(results, indent=1))
        print(f"\nResults as JSON: {(OUTPUT / 'demo.json').relative_to(ROOT)}; server log: {server.log.relative_to(ROOT)}")
        if keep_serving:
            server.serve_until_interrupted()
    return 0


if __name__ == "__main__":
    sys.exit(main())
