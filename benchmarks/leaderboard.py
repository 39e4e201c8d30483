"""Train the leaderboard's recipes over several seeds, in parallel, and collect their records.

    python benchmarks/leaderboard.py [--runs-dir runs/leaderboard] [--jobs 16] [--only 'digits-*']
    python benchmarks/leaderboard.py --only 'digits-*' --cpu-minutes 3   # equal CPU time
    python benchmarks/leaderboard.py --yardsticks      # score the yardsticks, after the runs
    python benchmarks/leaderboard.py --collect         # into recipes/records

Each run is its own `ganzoo run … --resume auto`: finished runs are skipped, stopped ones are
resumed, and a failure does not stop the others. On Ctrl-C, SIGTERM and --max-time the runs save
first. Recipes that match --cpu do not use the GPU: 8x8 networks are as fast on one CPU core.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from multiprocessing.pool import ThreadPool
from pathlib import Path

from leaderboard_records import RECORDS, collect

from ganzoo.recipes.load import Recipe, shipped_recipes
from ganzoo.report.entries import list_run
from ganzoo.runs.directory import RunDirectory

PATTERNS = (
    "digits-acgan",
    "digits-dcgan-bcr",
    "digits-dcgan-conditional",
    "digits-dcgan-hinge",
    "digits-dcgan-lecam",
    "digits-dcgan-lsgan",
    "digits-dcgan-pacgan",
    "digits-dcgan-ragan",
    "digits-dcgan-rpgan-r1r2",
    "digits-dcgan-vanilla",
    "digits-dcgan-wgan-gp",
    "digits-diffaugment",
    "digits-mlp-hinge",
    "digits-mlp-vanilla",
    "digits-r3gan",
    "digits-stylegan2",
    "emoji-dcgan-ada",
    "emoji-dcgan-conditional",
    "emoji-dcgan-diffaugment",
    "emoji-dcgan-hinge",
    "emoji-resnet-conditional",
    "emoji-resnet-hinge",
    "shapes-dcgan-r1",
)
"""Recipes of the board."""

METRICS = ("memorisation", "density-coverage", "precision-recall")
"""What all recipes of one data set have: among them what detects copies and what a repeated picture
does not cover. Recipes by class have class-agreement as well."""

SEEDS = "0,1,2"
CPU = "digits-*"
STOPPED = (75, 130, 143)
"""Exit codes of runs that were stopped and have saved."""
GRACE = 60.0
"""Seconds that a stopped run has for saving."""


def board(patterns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the shipped recipes of the board that match, with their overrides, sorted."""
    chosen = {}
    for name in sorted(shipped_recipes()):
        if matches(name, patterns) and matches(name, PATTERNS) and not name.endswith("-base"):
            by_class = Recipe.load(name).settings.conditional
            metrics = ("class-agreement",) * bool(by_class) + METRICS
            chosen[name] = (f"eval.metrics=[{', '.join(metrics)}]",)
    return chosen


@dataclass(frozen=True)
class Budget:
    """Steps per recipe that take the same CPU time on one core of this machine.

    The seconds per step come from ``ganzoo bench``, in CPU time of one thread; scores are not
    counted. Steps are rounded down to two digits, and are the same for all seeds. They are kept in
    a file, so that a stopped board goes on with the same numbers.
    """

    minutes: float
    file: Path
    """JSON: recipe → ``{"seconds_per_step": …, "steps": …}``."""

    def steps(self, recipes: Iterable[str], jobs: int) -> dict[str, int]:
        """Return the steps of recipes; `jobs` of those that are not known are measured at once."""
        known = json.loads(self.file.read_text()) if self.file.exists() else {}
        unknown = [recipe for recipe in recipes if recipe not in known]
        with ThreadPool(jobs) as pool:
            measured = pool.map(seconds_per_step, unknown)
        for recipe, seconds in zip(unknown, measured, strict=True):
            steps = two_digits_down(60 * self.minutes / seconds)
            known[recipe] = {"seconds_per_step": round(seconds, 6), "steps": steps}
            print(f"{recipe}: {1000 * seconds:.2f} ms a step, {steps} steps", flush=True)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        return {recipe: known[recipe]["steps"] for recipe in recipes}


def seconds_per_step(recipe: str) -> float:
    """Measure a recipe's step, in CPU time of one thread."""
    command = [sys.executable, "-m", "ganzoo", "bench", recipe, "--json", "--seconds", "0.5"]
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{recipe}: {done.stderr}")
    return float(json.loads(done.stdout)["loop"]["seconds_per_step"]["median"])


def two_digits_down(number: float) -> int:
    """Round down to two significant digits."""
    unit = 10 ** max(len(str(int(number))) - 2, 0)
    return int(number) // unit * unit


@dataclass
class Job:
    """One recipe with one seed, and its process while it runs."""

    recipe: str
    seed: int
    overrides: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    begun: float = 0.0

    def __str__(self) -> str:
        return f"{self.recipe} seed {self.seed}"

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def steps(self) -> int:
        """Length of the run, in generator steps."""
        return Recipe.load(self.recipe, self.overrides).settings.train.steps or 0

    def log(self, runs_directory: Path) -> Path:
        """Return the log file."""
        return runs_directory / "logs" / f"{self.recipe}-s{self.seed}.log"

    def start(self, runs_directory: Path, on_cpu: bool) -> None:
        """Start it; its output goes into the log file."""
        self.log(runs_directory).parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ganzoo", "run", self.recipe, f"seed={self.seed}"]
        command += [*self.overrides, "--resume", "auto", "--runs-dir", str(runs_directory)]
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if on_cpu else {}
        with self.log(runs_directory).open("ab") as log:
            self.begun = time.monotonic()
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1", **hidden},
                start_new_session=True,  # Ctrl-C reaches it through `Pool.stop` alone
            )


@dataclass
class Pool:
    """Runs `jobs` jobs at a time, `gpu_jobs` of them on the GPU."""

    waiting: list[Job]
    runs_directory: Path
    jobs: int
    gpu_jobs: int
    cpu: list[str]
    deadline: float
    going: list[Job] = field(default_factory=list)
    failed: list[Job] = field(default_factory=list)

    def run(self) -> None:
        """Run the jobs until the deadline, and print the result of each."""
        while self.waiting or self.going:
            self._begin()
            time.sleep(0.2)
            for job in [job for job in self.going if job.has_ended]:
                self._end(job)
            if time.monotonic() > self.deadline:
                return self.stop()

    def stop(self) -> None:
        """Stop the running jobs, and wait until they have saved."""
        self.waiting.clear()
        for job in self.going:
            if job.process and not job.has_ended:
                job.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + GRACE
        for job in list(self.going):
            assert job.process is not None
            try:
                job.process.wait(max(until - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                job.process.kill()
                job.process.wait()
            self._end(job)

    def _begin(self) -> None:
        for job in list(self.waiting):
            on_cpu = matches(job.recipe, self.cpu)
            on_gpu = sum(not matches(other.recipe, self.cpu) for other in self.going)
            if len(self.going) < self.jobs and (on_cpu or on_gpu < self.gpu_jobs):
                job.start(self.runs_directory, on_cpu)
                self.waiting.remove(job)
                self.going.append(job)

    def _end(self, job: Job) -> None:
        assert job.process is not None
        self.going.remove(job)
        code, seconds = job.process.returncode, time.monotonic() - job.begun
        word = "done" if code == 0 else "stopped" if code in STOPPED else f"FAILED {code}"
        if code:
            self.failed.append(job)
        found = finished(job, self.runs_directory)
        score = list_run(found).score if found else None
        value = f"  {score.protocol.distance_name} {score.value:.4g}" if score else ""
        left = len(self.waiting) + len(self.going)
        print(f"{word:9} {job}  {seconds:.0f} s{value}  ({left} to go)", flush=True)
        if word.startswith("FAILED"):
            print(*job.log(self.runs_directory).read_text().splitlines()[-3:], sep="\n", flush=True)


def finished(job: Job, runs_directory: Path) -> RunDirectory | None:
    """Return a job's finished run, if there is one."""
    for run in RunDirectory.all(runs_directory):
        info = run.info()
        is_it = (info.get("recipe"), info.get("seed")) == (job.recipe, job.seed)
        if is_it and int(info.get("steps", 0)) >= job.steps and run.status() == "finished":
            return run
    return None


def matches(recipe: str, patterns: Sequence[str]) -> bool:
    """Return whether a recipe's name matches one of the patterns."""
    return any(fnmatchcase(recipe, pattern) for pattern in patterns)


def chosen_jobs(options: argparse.Namespace) -> list[Job]:
    """Return the jobs that are not finished, seed by seed."""
    recipes = board(options.only.split(","))
    budget = {recipe: options.max_steps for recipe in recipes}
    if options.cpu_minutes:
        limits = Budget(options.cpu_minutes, options.runs_dir / "budget.json")
        budget = dict(limits.steps(recipes, options.jobs))
    jobs = []
    for seed in options.seeds.split(","):
        for recipe, overrides in recipes.items():
            # One score, at the end: how often a run is scored is not part of the budget.
            steps = budget[recipe]
            length = (f"train.steps={steps}", f"eval.every_steps={steps}") if steps else ()
            jobs.append(Job(recipe, int(seed), (*overrides, *length, *options.set)))
    todo = [job for job in jobs if not finished(job, options.runs_dir)]
    print(f"{len(jobs)} runs, {len(jobs) - len(todo)} of them finished already", flush=True)
    return todo


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/leaderboard"))
    parser.add_argument("--seeds", default=SEEDS)
    parser.add_argument("--only", default="*", help="patterns of recipes, with commas between")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    parser.add_argument("--gpu-jobs", type=int, help="of them at once on the GPU; default: all")
    parser.add_argument("--cpu", default=CPU, help="patterns of recipes that run without a GPU")
    parser.add_argument("--cpu-minutes", type=float, help="of training, the same for all recipes")
    parser.add_argument("--max-steps", type=int, help="for a trial, in a --runs-dir of its own")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for a trial")
    parser.add_argument("--max-time", type=float, default=float("inf"), help="seconds")
    parser.add_argument("--yardsticks", action="store_true", help="score them; no training")
    parser.add_argument("--collect", action="store_true", help="write the records; no training")
    parser.add_argument("--records", type=Path, default=RECORDS)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.yardsticks:
        from leaderboard_yardsticks import measure

        measure(options.runs_dir)
        return 0
    if options.collect:
        collect(options.runs_dir, options.records)
        return 0
    pool = Pool(
        chosen_jobs(options),
        options.runs_dir,
        options.jobs,
        options.gpu_jobs or options.jobs,
        options.cpu.split(","),
        time.monotonic() + options.max_time,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        pool.run()
    except KeyboardInterrupt:
        pool.stop()
    if pool.failed:
        print(f"not finished: {', '.join(map(str, pool.failed))}; see {options.runs_dir}/logs")
    return bool(pool.failed)


if __name__ == "__main__":
    sys.exit(main())
