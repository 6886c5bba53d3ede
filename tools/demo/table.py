"""Plain tables for a terminal."""
import textwrap


def print_table(title, header, rows):
    print(f"\n{title}")
    if not rows:
        print("  (nothing)")
        return
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for index, row in enumerate(cells):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if index == 0:
            print("  " + "  ".join("-" * width for width in widths))


def print_with_notes(title, header, rows):
    """The last column holds notes: each is printed once below the table, by its number."""
    notes = list(dict.fromkeys(row[-1] for row in rows if row[-1]))
    print_table(title, header, [[*row[:-1], f"({notes.index(row[-1]) + 1})" if row[-1] else ""] for row in rows])
    for number, note in enumerate(notes, 1):
        print(textwrap.fill(note, 110, initial_indent=f"  ({number}) ", subsequent_indent="      "))
