/**
 * Prices where none can be asked, in US dollars for eastus. Source: published pay-as-you-go prices as known on the date
 * below; none was checked against a bill. Other regions differ by up to some tens of percent.
 */

/** Date of the table. */
export const tableDate = "2026-11-24";

/** Per hour. */
export const tablePrices: Readonly<Record<string, number>> = {
  Standard_D4_v5: 0.192,
  Standard_D8_v5: 0.384,
  Standard_D4s_v5: 0.192,
  Standard_D8s_v5: 0.384,
  Standard_DC1s_v3: 0.096,
  Standard_DC2s_v3: 0.192,
  Standard_DC4s_v3: 0.384,
  Standard_DC8s_v3: 0.768,
  "registry Basic": 0.167 / 24,
  "registry Standard": 0.667 / 24,
  "registry Premium": 1.667 / 24,
  "control plane Free": 0,
  "control plane Standard": 0.1,
  "control plane Premium": 0.6,
  "load balancer": 0.025,
  "public address": 0.005,
  "os disk 128 GiB": 9.6 / 730,
};
