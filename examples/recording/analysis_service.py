"""Any program saves analyses and finds them again by `LLMAnalysisPersistenceService`.

python analysis_service.py
"""

import tapetrail


def main() -> None:
    """Save an answer and a failure, and count what there is."""
    with tapetrail.recorder(agent="analyses") as recorder:
        with recorder.execution("analyses").decision("AAPL") as decision:
            recorder.analyses.save_analysis(
                agent="chartist",
                provider="openai",
                model="gpt-5-mini",
                prompt="Up or down?",
                response="Up.",
                latency_ms=1200,
                usage={"input_tokens": 900, "output_tokens": 3},
            )
            recorder.analyses.save_analysis(
                agent="chartist", provider="openai", model="gpt-5-mini", error="timed out"
            )
            decision.log_signal("hold")
        for each in recorder.analyses.get_analysis_stats(by="model"):
            print(each["key"], each["asked"], each["answers"])


if __name__ == "__main__":
    main()
