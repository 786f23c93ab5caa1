import { textAt } from "../model/path.js";
import { apiVersions } from "../resources/ids.js";
import type { PreflightCheck } from "./context.js";

/** The login works, and the subscription takes work. */
export const subscriptionCheck: PreflightCheck = {
  name: "subscription",
  async run({ client, subscription }) {
    const found = await client.find(`/subscriptions/${subscription}`, apiVersions.subscriptions);
    if (found === undefined) {
      const message = `subscription ${subscription}: this login does not see it`;
      return [
        {
          check: "subscription",
          status: "failed",
          message,
          mend: "check cloud.subscription, and the tenant of the login",
        },
      ];
    }
    const state = textAt(found, "state") ?? "unknown";
    const name = textAt(found, "displayName") ?? subscription;
    if (/^enabled$/i.test(state))
      return [{ check: "subscription", status: "ok", message: `${name} (${subscription}) is enabled` }];
    const mend = "an owner of the subscription has to enable it in the portal";
    return [
      {
        check: "subscription",
        status: "failed",
        message: `${name} is ${state}: it takes no new resources`,
        mend,
      },
    ];
  },
};
