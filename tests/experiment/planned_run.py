"""Run by test_planning.py in a process of its own: plans a run, makes it, and prints the plan beside the real peak.

Usage: python planned_run.py FOLDER SETTINGS.json; the peak, and what is left after the run, are of memory that belongs
to the process alone, without the pages of files, beyond what it had when the plan was made.
"""

import json
import sys
import threading
import time
from pathlib import Path

from tamis.experiment import make_plan, prepare_data, read_settings, run_experiment


def own_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


class Peak(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.bytes, self.is_over = 0, False

    def run(self):
        while not self.is_over:
            self.bytes = max(self.bytes, own_bytes())
            time.sleep(0.002)


def main():
    folder, table = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    settings = read_settings(table, where="test")
    encoded = prepare_data(settings.data)
    before = own_bytes()
    plan = make_plan(settings, encoded, folder=folder)
    peak = Peak()
    peak.start()
    run_experiment(settings, encoded, folder=folder, command="test", plan=plan)
    peak.is_over = True
    peak.join()
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    left = own_bytes() - before
    print(json.dumps({"plan": plan.to_json(), "peak": peak.bytes - before, "left": left, "disk": sum(files)}))


if __name__ == "__main__":
    main()
