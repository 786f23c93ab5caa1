/** A Kubernetes quantity: decimal number with a decimal (m k M G T P E) or binary (Ki … Ei) suffix, or an exponent. */
const QUANTITY = /^[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?$/;

/**
 * True for a Kubernetes quantity that is not negative, for example `500m`, `4Gi`, `15G`, `0.5`.
 * Source: k8s.io/apimachinery, pkg/api/resource, Quantity.
 */
export function isQuantity(text: string): boolean {
  return QUANTITY.test(text) && !text.startsWith("-");
}
