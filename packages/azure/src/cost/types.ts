/** What a deployment costs. */

/** One thing that is paid for. */
export interface CostLine {
  readonly address: string;
  readonly what: string;
  readonly quantity: number;
  /** Price of one, in the currency, per hour. */
  readonly hourly: number;
  /** `retail`: asked just now; `table`: of the date in the report. */
  readonly source: "retail" | "table";
}

/** The bill of a month, before discounts, taxes and traffic. */
export interface CostReport {
  readonly currency: "USD";
  readonly location: string;
  readonly lines: readonly CostLine[];
  /** Things without a known price. */
  readonly unknown: readonly string[];
  readonly hourly: number;
  /** Of 730 hours. */
  readonly monthly: number;
  /** Date of the table that stands in where prices could not be asked, ISO 8601. */
  readonly tableDate: string;
  readonly notes: readonly string[];
}
