"""Median and percentile-bootstrap interval of per-round figures (Efron and Tibshirani, 1993, chapter 13)."""
import random
import statistics

RESAMPLES = 4000


def interval(values):
    generator = random.Random(1)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]


def judge(case, samples):
    """samples: one dict per round, with "figure" (what the goal is about) and the readings behind it."""
    figures = [sample["figure"] for sample in samples]
    low, high = interval(figures)
    if case.limit is None:
        wanted, passes = "", None
    else:
        wanted = f"{'>=' if case.at_least else '<='} {case.limit:g}"
        passes = low >= case.limit if case.at_least else high <= case.limit
    median = statistics.median(figures)
    readings = {key: statistics.median(sample[key] for sample in samples) for key in samples[0] if key != "figure"}
    text = ", ".join(f"{key} {value:.{3 if value < 10 else 1}f}" for key, value in readings.items())
    return {"goal": case.goal, "what": case.what, "wanted": wanted, "median": median, "low": low, "high": high,
            "passes": passes, "readings": readings, "samples": samples, "text": f"{median:.3f} ({text})"}
