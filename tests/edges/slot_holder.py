"""A process that takes slots in many threads and writes down when it held each one.

    python slot_holder.py URL PROVIDER SLOTS THREADS TAKES FILE

With TAKES 0 it takes THREADS slots, says so, and holds them until it is killed.
"""

import random
import sys
import threading
import time
from pathlib import Path

from tapetrail.store.slots import Slots


def main(url: str, provider: str, *numbers: int, file: Path) -> None:
    slots, threads, takes = numbers
    held = Slots(url, chance=random.random)
    lines: list[str] = []
    all_held = threading.Barrier(threads + 1)

    def work() -> None:
        for _ in range(takes):
            with held.take(provider, slots_max=slots, is_ending=lambda: False):
                began = time.monotonic()
                threading.Event().wait(0.01)
                lines.append(f"{began} {time.monotonic()}")
        if not takes:
            with held.take(provider, slots_max=slots, is_ending=lambda: False):
                all_held.wait()
                threading.Event().wait()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    if not takes:
        all_held.wait()
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()
    for worker in workers:
        worker.join()
    held.close()
    file.write_text("\n".join(lines))


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0], words[1], *map(int, words[2:5]), file=Path(words[5]))
