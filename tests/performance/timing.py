"""Back-to-back timing: calls are queued in batches, so that nobody's host time counts as kernel time, and the contestants of a case take
turns, so that a drift of the clock meets all of them.

A sample is one batch between two events. A contestant's turn is one untimed batch (caches and clock become its own, and the queue
never runs dry), then `samples` timed ones; a round is one turn each. The figure is the median over rounds of the medians of turns."""
import dataclasses
import random
import statistics
import time
from typing import Callable

import torch

GRAPH_BELOW_MS = 0.25  # shorter calls are replayed from a CUDA graph: their host time may be longer than their kernel


@dataclasses.dataclass
class Contestant:
    calls: list[Callable]  # the same work on one input set each; used in turn
    graph: bool = True  # may be captured in a CUDA graph


class Batch:
    """A number of calls that take about `milliseconds` together."""

    def __init__(self, contestant, milliseconds):
        calls = contestant.calls
        for call in calls:
            call()
        once = elapsed(lambda: run_in_turn(calls, len(calls))) / len(calls)
        self.count = max(1, round(milliseconds / max(once, 1e-3)))
        self.run = lambda: run_in_turn(calls, self.count)
        self.captured = False
        if contestant.graph and once < GRAPH_BELOW_MS:
            self._capture()

    def _capture(self):
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
                self.run()
        except Exception as error:
            torch.cuda.synchronize()
            print(f"    not captured: {str(error).splitlines()[0][:120]}")
        else:
            self.run = graph.replay
            self.captured = True

    def turn(self, samples):
        """Milliseconds of one call, once per sample."""
        events = [torch.cuda.Event(enable_timing=True) for _ in range(samples + 1)]
        self.run()
        events[0].record()
        for event in events[1:]:
            self.run()
            event.record()
        torch.cuda.synchronize()
        return [a.elapsed_time(b) / self.count for a, b in zip(events, events[1:])]


def run_in_turn(calls, count):
    for i in range(count):
        calls[i % len(calls)]()  # the result is dropped at once: its memory serves the next call


def elapsed(run):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


@dataclasses.dataclass
class Times:
    rounds: list[float]  # milliseconds of one call: the median of each turn
    samples: int
    captured: bool

    @property
    def ms(self):
        return statistics.median(self.rounds)


def measure(contestants, rounds=5, samples=5, batch_ms=15, warm_ms=200, report=print):
    """Times of each contestant by name. One that fails is reported and left out."""
    batches = {}
    for name, contestant in contestants.items():
        try:
            batches[name] = Batch(contestant, batch_ms)
        except Exception as error:
            report(f"    {name}: {str(error).strip().splitlines()[0][:160]}")
    begin = time.perf_counter()
    while batches and (time.perf_counter() - begin) * 1e3 < warm_ms:
        for batch in batches.values():
            batch.run()
        torch.cuda.synchronize()
    medians = {name: [] for name in batches}
    for number in range(rounds):
        order = list(batches)
        random.Random(number).shuffle(order)  # nobody always follows the contestant that heats the chip most
        for name in order:
            medians[name].append(statistics.median(batches[name].turn(samples)))
    return {name: Times(medians[name], rounds * samples, batches[name].captured) for name in batches}
