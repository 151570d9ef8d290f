// Metrics: each is of the type that its declaration says, with the labels it declares, and can be seen from the first time.
import { expect, test } from "vitest";
import { metricTable, openMetrics, type Metrics } from "#observability/metrics.ts";

const names = Object.keys(metricTable) as (keyof typeof metricTable)[];

/** Records something under every declared metric. */
function recordAll(metrics: Metrics): void {
  for (const name of names) {
    const { type, labels } = metricTable[name];
    const values = Object.fromEntries(labels.map((label) => [label, "x"])) as never;
    if (type === "counter") metrics.count(name as never, 2, values);
    if (type === "gauge") metrics.set(name as never, 2, values);
    if (type === "histogram") metrics.observe(name as never, 2, values);
  }
}

test("every metric is shown as the type it was declared as, with help and its labels [OPER-06]", async () => {
  const metrics = openMetrics();
  recordAll(metrics);
  const text = await metrics.text();
  for (const name of names) {
    const { type, help, labels } = metricTable[name];
    expect(text).toContain(`# TYPE ${name} ${type}\n`);
    expect(text).toContain(`# HELP ${name} ${help}\n`);
    const shown = labels.length === 0 ? "" : `{${labels.map((label) => `${label}="x"`).join(",")}`;
    expect(text).toContain(`\n${name}${type === "histogram" ? "_count" : ""}${shown}`);
  }
  await metrics.close();
});

test("names say what they count and in which unit, as the type asks", () => {
  for (const name of names) {
    const { type } = metricTable[name];
    expect(name).toMatch(/^scs_[a-z_]+$/);
    if (type === "counter") expect(name).toMatch(/_total$/);
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
  }
});

test("counters add up for each set of labels, and never fall", async () => {
  const metrics = openMetrics();
  metrics.count("scs_task_transitions_total", 3, { from: "accepted", to: "resolving" });
  metrics.count("scs_task_transitions_total", 4, { from: "accepted", to: "resolving" });
  metrics.count("scs_task_transitions_total", -5, { from: "accepted", to: "resolving" });
  metrics.count("scs_task_transitions_total", 1, { from: "accepted", to: "timed_out" });
  const text = await metrics.text();
  expect(text).toContain('scs_task_transitions_total{from="accepted",to="resolving"} 7\n');
  expect(text).toContain('scs_task_transitions_total{from="accepted",to="timed_out"} 1');
});

test("histograms hold their buckets, and gauges the last value", async () => {
  const metrics = openMetrics();
  for (const seconds of [0.004, 0.004, 3]) metrics.observe("scs_step_seconds", seconds, { step: "execute" });
  for (const bytes of [7, 5]) metrics.set("scs_vault_cache_bytes", bytes, {});
  const text = await metrics.text();
  expect(text).toContain('scs_step_seconds_bucket{step="execute",le="0.005"} 2\n');
  expect(text).toContain('scs_step_seconds_bucket{step="execute",le="+Inf"} 3\n');
  expect(text).toMatch(/^scs_vault_cache_bytes 5$/m);
});
