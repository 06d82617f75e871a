"""What happens between the steps of a run: it is shown, saved, verified and, when a signal says so, ended."""

from functional_nn.training.data.examples import Batches
from functional_nn.training.endings import Interrupted, Stop
from functional_nn.training.kept.keeper import Keeper, Reached
from functional_nn.training.machine.processes import by_first, everyones_numbers, is_first, several
from functional_nn.training.report.display import Display
from functional_nn.training.report.events import values_by_layer, write_events
from functional_nn.training.report.profile import Profiler
from functional_nn.training.run.verify import verify_step
from functional_nn.training.setup import Job
from functional_nn.training.step.state import Totals, TrainState


class Session:
    """The watch over a run while it learns; begins where the run has got to."""

    def __init__(self, job: Job, keeper: Keeper, display: Display, stop: Stop, reached: Reached) -> None:
        self.job, self.keeper, self.display, self.stop = job, keeper, display, stop
        self.rows, self.steps = reached.rows, reached.steps
        self.profiler = Profiler(keeper.folder.parent, reached.steps) if job.config.profile and is_first() else None

    def before(self, step: int, state: TrainState, batches: Batches) -> None:
        """Profile and verify where that is due among the steps of the coming call."""
        if self.profiler is not None:
            self.profiler.before(step)
        every, together = self.job.config.verify_every, len(batches.valid)
        if every and -step % every < together:
            self.verify(step, state, batches)

    def verify(self, step: int, state: TrainState, batches: Batches) -> None:
        """Compare the gradients of the coming step with those by hand: say each layer's worst once, then the worst."""
        x, labels = self.job.layout.fetch((batches.x[0], batches.labels[0]))
        state = self.job.layout.fetch_state(state)
        few = slice(self.job.dataset.task.verified)
        differences = verify_step(self.job.network, self.job.rules, state, x[few], labels[few])
        worst = max(differences, key=lambda difference: difference.relative)
        for one in differences if step == 0 else (worst,):
            self.display.say(
                f"verify step {step + 1}: {one.layer:<16} largest difference {one.relative:.1e} at {one.index}"
            )

    def wants(self, step: int) -> bool:
        """At a signal, and where a save is due; of several processes none can say so alone, but by its steps."""
        if several():
            return self.job.config.save_every is not None and self.keeper.due(step)
        return self.stop.signal is not None or self.keeper.due(step)

    def after(self, step: int, state: TrainState, seen: Totals, pace: float) -> None:
        """Show what was learned, and save it where that is due; the end of an epoch is saved once it is judged."""
        self.display.advance(len(self.rows) + 1, step - self.steps, seen, pace)
        self.steps = step
        if step % self.job.steps_per_epoch:
            self.save_if_due(Reached(state, step, self.rows, seen))

    def end_epoch(self, reached: Reached) -> None:
        """Show how the epoch was judged, and save it where that is due."""
        self.rows = reached.rows
        self.display.end_epoch(reached.rows[-1])
        if self.job.config.tensorboard:
            params = self.job.layout.fetch(reached.state.judged.params)
            run, row = self.keeper.folder.parent, reached.rows[-1]
            by_first(lambda: write_events(run, row, values_by_layer(self.job, params)))
        self.save_if_due(reached, last=reached.steps == self.job.steps)

    def save_if_due(self, reached: Reached, *, last: bool = False) -> None:
        """Save where it is time, at the end and where a signal came; raise Interrupted in the last case.

        Of several processes, the clock of the first tells the time, and a signal to any is a signal to all.
        """
        said = everyones_numbers((self.stop.signal or 0, self.keeper.due(reached.steps)))
        self.stop.signal = max(signal for signal, _ in said) or None
        stopped, due = self.stop.signal is not None and not last, bool(said[0][1])
        if stopped or last or due:
            self.keeper.save(reached)
        if stopped:
            raise self.interrupted()

    def close(self) -> None:
        """Write what was profiled, however the run ended."""
        if self.profiler is not None:
            self.profiler.stop()

    def interrupted(self) -> Interrupted:
        """What a run says that was asked to end."""
        folder, steps = self.keeper.folder.parent, f"{self.steps:,} of {self.job.steps:,} steps"
        go_on = f"go on with: functional-nn train --resume {folder}"
        return Interrupted(f"interrupted after {steps}; {go_on}", self.stop.signal)
