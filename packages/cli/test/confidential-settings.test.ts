import { describe, expect, it } from "vitest";
import { serviceAt } from "../src/confidential/settings.js";

const hex = "ab".repeat(32);

describe("a service that pods reach", () => {
  it.each([hex, `sha256:${hex}`])("takes the pin %s and keeps its digits", (pin) => {
    expect(serviceAt("--broker", "https://broker.example/", pin)).toEqual({
      url: "https://broker.example",
      pin: hex,
    });
  });

  it.each([`sha512:${hex}`, `sha256:${hex}0`, hex.toUpperCase(), "sha256:", ""])(
    "refuses the pin %j",
    (pin) => {
      expect(() => serviceAt("--broker", "https://broker.example", pin)).toThrow(
        /--broker-pin: expected sha256/,
      );
    },
  );
});
