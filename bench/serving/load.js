// Requests at a constant rate, sent whether or not earlier ones have been answered: what a server
// cannot serve in time shows as latency, and is not hidden by clients that wait for it.
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";

const texts = JSON.parse(open(__ENV.TEXTS));
const rate = Number(__ENV.RATE);

const answered = new Trend("answered", true);
const refused = new Trend("refused", true);
const failed = new Counter("failed");
// Answered after the time that they had; and those of `failed` whose time ended in the queue.
const late = new Counter("late");
const expired = new Counter("expired");

export const options = {
  scenarios: {
    open: {
      executor: "constant-arrival-rate",
      rate: Math.round(rate * 10),
      timeUnit: "10s",
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: Math.min(4000, Math.ceil(rate) + 50),
      maxVUs: Math.min(8000, Math.ceil(rate * 3) + 200),
      gracefulStop: "5s",
    },
  },
  summaryTrendStats: ["count", "med", "p(95)", "p(99)", "max"],
  discardResponseBodies: true,
};

function v2(text) {
  return { inputs: [{ name: "text", shape: [1, 1], datatype: "BYTES", data: [text] }] };
}

export default function () {
  const text = texts[Math.floor(Math.random() * texts.length)];
  const body = JSON.stringify(__ENV.PROTOCOL === "v2" ? v2(text) : { texts: [text] });
  const headers = { "Content-Type": "application/json" };
  if (__ENV.TIMEOUT_MS) {
    headers["X-Request-Timeout-Ms"] = __ENV.TIMEOUT_MS;
  }
  const response = http.post(__ENV.URL, body, { headers, timeout: "5s" });
  if (response.status === 200) {
    answered.add(response.timings.duration);
    if (__ENV.TIMEOUT_MS && response.timings.duration > Number(__ENV.TIMEOUT_MS)) {
      late.add(1);
    }
  } else if (response.status === 429 || response.status === 503) {
    refused.add(response.timings.duration);
  } else {
    failed.add(1);
    if (response.status === 504) {
      expired.add(1);
    }
  }
}

export function handleSummary(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : null);
  const count = (name) => (values(name) ? values(name).count : 0);
  return {
    stdout: JSON.stringify({
      answered: values("answered"),
      refused: values("refused"),
      failed: count("failed"),
      late: count("late"),
      expired: count("expired"),
      dropped: count("dropped_iterations"),
      seconds: data.state.testRunDurationMs / 1000,
    }),
  };
}
