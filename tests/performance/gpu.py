"""What nvidia-smi says about the GPU. Queries only: nothing is ever set."""
import statistics
import subprocess
import threading
import time


def query(fields):
    """The values of `fields` ("power.limit,driver_version") of the first GPU, as text; empty when there is no nvidia-smi."""
    try:
        text = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [value.strip() for value in text.split("\n")[0].split(",")] if text.strip() else []


class Monitor:
    """Reads the SM clock and the power twice a second while the program runs."""

    def __init__(self):
        self._readings = []  # (time, MHz, W)
        self._process = None
        try:
            self._process = subprocess.Popen(["nvidia-smi", "--query-gpu=clocks.sm,power.draw", "--format=csv,noheader,nounits", "-lms", "500"],
                                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            threading.Thread(target=self._read, daemon=True).start()
        except OSError:
            pass

    def _read(self):
        for line in self._process.stdout:
            try:
                clock, power = map(float, line.split(",")[:2])
            except ValueError:
                continue
            self._readings.append((time.time(), clock, power))

    def since(self, begin):
        """Median clock in MHz and power in W since `begin`; {} when nothing was read."""
        readings = [reading for reading in self._readings if reading[0] >= begin]
        if not readings:
            return {}
        return {"sm_mhz": statistics.median(r[1] for r in readings), "watts": statistics.median(r[2] for r in readings)}

    def stop(self):
        if self._process:
            self._process.terminate()
