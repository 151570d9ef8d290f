// What the node counts and measures: each metric declared once, with its type, and shown in Prometheus' text format.
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

type Declaration = {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** The labels it carries; their values come from closed sets, never from callers. */
  readonly labels: readonly string[];
};

/**
 * Every metric of the node. A metric is made from this table alone, so that it cannot be declared as one type and recorded
 * as another. Units are last in a name.
 */
export const metricTable = {
  scs_task_transitions_total: {
    type: "counter",
    help: "Transitions of tasks that were committed.",
    labels: ["from", "to"],
  },
  scs_task_retries_total: { type: "counter", help: "Tasks given back after a transient failure.", labels: ["stage"] },
  scs_intake_tasks_total: { type: "counter", help: "Submissions decided, by outcome.", labels: ["outcome"] },
  scs_request_seconds: { type: "histogram", help: "REST requests answered.", labels: ["route", "status"] },
  scs_refusals_total: { type: "counter", help: "Refusals that callers saw, by code.", labels: ["code"] },
  scs_step_items_total: { type: "counter", help: "Items that steps took.", labels: ["step"] },
  scs_step_seconds: { type: "histogram", help: "Runs of steps that took at least one item.", labels: ["step"] },
  scs_step_failures_total: { type: "counter", help: "Runs of steps that failed, by code.", labels: ["step", "code"] },
  scs_vault_accesses_total: { type: "counter", help: "Collections opened for tasks.", labels: ["purpose", "outcome"] },
  scs_vault_decrypted_records_total: { type: "counter", help: "Records decrypted.", labels: [] },
  scs_vault_cache_bytes: { type: "gauge", help: "Decoded plaintext held in memory.", labels: [] },
  scs_decisions_total: { type: "counter", help: "Verification decisions signed.", labels: ["verdict"] },
} as const satisfies Readonly<Record<string, Declaration>>;

type Table = typeof metricTable;
/** The names of the metrics of one type. */
export type MetricName<Type extends Declaration["type"]> = {
  [Name in keyof Table]: Table[Name]["type"] extends Type ? Name : never;
}[keyof Table];
/** The labels that a metric has to be given, all of them. */
export type Labels<Name extends keyof Table> = Readonly<Record<Table[Name]["labels"][number], string>>;

export type Metrics = {
  /** Adds to a counter; a negative amount is ignored. */
  readonly count: <Name extends MetricName<"counter">>(name: Name, amount: number, labels: Labels<Name>) => void;
  /** Records one observation, in the unit that ends the name. */
  readonly observe: <Name extends MetricName<"histogram">>(name: Name, value: number, labels: Labels<Name>) => void;
  /** Sets a gauge. */
  readonly set: <Name extends MetricName<"gauge">>(name: Name, value: number, labels: Labels<Name>) => void;
  /** Everything recorded so far, in Prometheus' text format. */
  readonly text: () => Promise<string>;
  readonly close: () => Promise<void>;
};

/** Upper bounds of histogram buckets: from a statement's round trip to a settlement's wait. */
const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** Combinations of labels kept for one metric: closed sets stay far below, and what is past it goes into one overflow row. */
const cardinalityLimit = 1_000;

/** Makes all metrics of the table. Nothing listens: whoever serves `/metrics` asks for the text. */
export function openMetrics(): Metrics {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({
    readers: [reader],
    views: [{ instrumentName: "*", aggregationCardinalityLimit: cardinalityLimit }],
  });
  const meter = provider.getMeter("scs");
  const recorders = new Map<string, (value: number, labels: Readonly<Record<string, string>>) => void>();
  for (const [name, { type, help }] of Object.entries(metricTable))
    recorders.set(name, recorderOf(meter, name, type, help));
  const record = (name: string, value: number, labels: Readonly<Record<string, string>>): void => {
    recorders.get(name)?.(value, labels);
  };
  // Prefix and timestamps off, scope and target lines left out: the metrics name themselves.
  const serializer = new PrometheusSerializer("", false, undefined, true, true);
  return {
    count: record,
    observe: record,
    set: record,
    text: async () => serializer.serialize((await reader.collect()).resourceMetrics),
    close: async () => {
      await provider.shutdown();
    },
  };
}

function recorderOf(
  meter: ReturnType<MeterProvider["getMeter"]>,
  name: string,
  type: Declaration["type"],
  description: string,
): (value: number, labels: Readonly<Record<string, string>>) => void {
  switch (type) {
    case "counter": {
      const counter = meter.createCounter(name, { description });
      return (value, labels) => {
        if (value > 0) counter.add(value, labels);
      };
    }
    case "gauge": {
      const gauge = meter.createGauge(name, { description });
      return (value, labels) => {
        gauge.record(value, labels);
      };
    }
    case "histogram": {
      const histogram = meter.createHistogram(name, {
        description,
        advice: { explicitBucketBoundaries: bucketSeconds },
      });
      return (value, labels) => {
        histogram.record(value, labels);
      };
    }
  }
}
