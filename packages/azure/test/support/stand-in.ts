/**
 * A stateful stand-in for Azure over TLS: sign-in, resource manager, prices, attestation. It keeps what it is given as
 * the real service does (added fields, changed casing, dropped defaults), works asynchronously, checks every body
 * against Microsoft's published schemas, and misbehaves on demand.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { answerCatalogue } from "./catalogue.js";
import { standInCa, standInKey } from "./certificate.js";
import { createBodyCheck } from "./schemas.js";
import { clusterDocument, type Doc, immutable, poolProperties, World } from "./world.js";

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Doc | undefined;
  readonly status: number;
}

/** A misbehaviour. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  times: number;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Do what was asked, and then answer wrongly. */
  readonly after?: boolean;
  /** Hang up instead of answering. */
  readonly hangUp?: boolean;
}

export interface FailingOperation {
  readonly path: RegExp;
  times: number;
  readonly error: { readonly code: string; readonly message: string };
}

export interface StandIn {
  readonly url: string;
  readonly world: World;
  readonly requests: Recorded[];
  /** What the published schemas say against bodies. */
  readonly violations: string[];
  readonly faults: Fault[];
  readonly failing: FailingOperation[];
  readonly settings: Settings;
  /** Requests that write. */
  writes(): Recorded[];
  close(): Promise<void>;
}

export interface Settings {
  /** How long operations take, in ms. */
  operationMs: number;
  /** How much longer deleted resources stay. */
  deleteLagMs: number;
  /** How long new resources are not found. */
  readLagMs: number;
  /** How long role assignments don't know new principals. */
  principalLagMs: number;
  /** Resources are deleted without an operation's address. */
  plainDelete: boolean;
}

const secretToken = "stand-in-token-that-must-never-be-shown";

/** Starts one on a free port of this machine. */
export async function startStandIn(settings: Partial<Settings> = {}): Promise<StandIn> {
  const world = new World();
  const checkBody = createBodyCheck();
  const state = {
    world,
    requests: [] as Recorded[],
    violations: [] as string[],
    faults: [] as Fault[],
    failing: [] as FailingOperation[],
    settings: {
      operationMs: 25,
      deleteLagMs: 0,
      readLagMs: 0,
      principalLagMs: 0,
      plainDelete: false,
      ...settings,
    },
  };
  const server: Server = createServer({ key: standInKey, cert: standInCa }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(599).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    world.tick();
    const parsed = new URL(request.url ?? "/", url);
    const text = await bodyOf(request);
    const isJson = (request.headers["content-type"] ?? "").includes("json");
    const body = text !== "" && isJson ? JSON.parse(text) : undefined;
    const call = {
      method: request.method ?? "GET",
      path: decodeURIComponent(parsed.pathname),
      query: Object.fromEntries(parsed.searchParams),
      headers: request.headers,
      body,
      text,
    };
    const fault = state.faults.find(
      (each) => each.times > 0 && each.method === call.method && each.path.test(call.path),
    );
    if (fault !== undefined) fault.times -= 1;
    if (fault?.hangUp && !fault.after) return void request.socket.destroy();
    const honest = fault === undefined || fault.after ? answer(call) : undefined;
    if (fault?.hangUp) return void request.socket.destroy();
    const reply =
      fault === undefined ? honest : { status: fault.status, headers: fault.headers, body: fault.body };
    const { status = 599, headers = {}, body: out } = reply ?? {};
    if (!isSignIn(call.path)) state.requests.push({ ...call, status });
    response.writeHead(status, {
      "content-type": "application/json",
      "x-ms-correlation-request-id": "c0ffee00-0000-4000-8000-000000000000",
      ...headers,
    });
    response.end(out === undefined ? "" : typeof out === "string" ? out : JSON.stringify(out));
  }

  interface Call {
    method: string;
    path: string;
    query: Record<string, string>;
    headers: IncomingMessage["headers"];
    body: Doc | undefined;
    text: string;
  }
  interface Reply {
    status: number;
    headers?: Record<string, string> | undefined;
    body?: unknown;
  }

  function answer(call: Call): Reply {
    const { method, path } = call;
    if (isSignIn(path)) return signIn(path);
    if (path === "/prices") return prices(call.query.$filter ?? "");
    if (call.headers.authorization !== `Bearer ${secretToken}`)
      return problem(401, "InvalidAuthenticationToken", "The access token is invalid.");
    if (path.startsWith("/maa/")) return attestation(call);
    if (call.query["api-version"] === undefined)
      return problem(400, "MissingApiVersionParameter", "The api-version query parameter is required.");
    if (/\/operations\/|\/operationresults\//.test(path)) return operation(call);
    const known = answerCatalogue(path, call.query, method, call.body, world);
    if (known !== undefined) return known;
    if (method === "GET") return get(call);
    if (method === "PUT") return put(call);
    if (method === "DELETE") return remove(call);
    if (method === "POST") return post(call);
    return problem(405, "MethodNotAllowed", method);
  }

  function signIn(path: string): Reply {
    if (path.endsWith("/openid-configuration")) {
      const tenant = path.split("/")[1];
      return ok({
        issuer: `${url}/${tenant}/v2.0`,
        authorization_endpoint: `${url}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${url}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${url}/${tenant}/discovery/v2.0/keys`,
      });
    }
    return ok({ token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: secretToken });
  }

  function attestation({ method, path, text }: Call): Reply {
    const encode = (value: unknown) =>
      Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
    if (method === "PUT") {
      world.policies.set(path, text);
      return ok({ token: "eyJ.e30." });
    }
    const stored = world.policies.get(path);
    const inner =
      stored ??
      `${encode({ alg: "none" })}.${encode({ AttestationPolicy: encode("version=1.0; default") })}.`;
    return ok({ token: `${encode({ alg: "RS256" })}.${encode({ "x-ms-policy": encode(inner) })}.c2ln` });
  }

  function operation({ path }: Call): Reply {
    const running = world.operations.get(path.split("/").at(-1) ?? "");
    if (running === undefined) return problem(404, "NotFound", "operation not found");
    if (path.includes("/operationresults/")) {
      if (running.status === "InProgress")
        return { status: 202, headers: { location: `${url}${path}?api-version=2018-05-01` } };
      return running.status === "Succeeded"
        ? { status: 200 }
        : problem(409, running.error?.code ?? "Failed", running.error?.message ?? "");
    }
    return ok({
      name: running.id,
      status: running.status,
      startTime: "2026-11-24T00:00:00Z",
      ...(running.error === undefined || running.status === "InProgress" ? {} : { error: running.error }),
    });
  }

  function get({ path, query }: Call): Reply {
    const lower = path.toLowerCase();
    if (/\/resources$/.test(lower)) return ok({ value: groupList(lower.replace(/\/resources$/, "")) });
    if (/\/agentpools$/.test(lower)) {
      const cluster = lower.replace(/\/agentpools$/, "");
      if (world.find(cluster) === undefined) return notFound(path);
      return ok({ value: world.below(cluster).map(([, { doc }]) => doc) });
    }
    if (/\/roleassignments$/.test(lower)) {
      if (query.$filter !== "atScope()") return problem(400, "BadRequest", "unexpected filter");
      return ok({ value: world.below(lower).map(([, { doc }]) => doc) });
    }
    const found = world.find(lower);
    if (found === undefined) return notFound(path);
    return ok(/\/managedclusters\/[^/]+$/.test(lower) ? withPools(lower, found.doc) : found.doc);
  }

  function withPools(path: string, doc: Doc): Doc {
    const pools = world.below(path).map(([, { doc: pool }]) => ({ name: pool.name, ...pool.properties }));
    return { ...doc, properties: { ...doc.properties, agentPoolProfiles: pools } };
  }

  function groupList(group: string): Doc[] {
    const groupPath = group.replace("/resourcegroups/", "/resourcegroups/");
    return [...world.resources]
      .filter(([path]) => path.startsWith(`${groupPath}/providers/`))
      .filter(
        ([path]) =>
          path.split("/providers/")[1]?.split("/").length === 3 && path.split("/providers/").length === 2,
      )
      .map(([, { doc }]) => ({
        id: doc.id,
        name: doc.name,
        type: doc.type,
        location: doc.location,
        ...(doc.tags ? { tags: doc.tags } : {}),
      }));
  }

  function put(call: Call): Reply {
    const { path, body } = call;
    const lower = path.toLowerCase();
    const violation = checkBody(lower, body);
    if (violation !== undefined) {
      state.violations.push(`${path}: ${violation}`);
      return problem(400, "InvalidRequestContent", violation);
    }
    const before = world.resources.get(lower);
    const refusal = refusePut(call, lower, before?.doc);
    if (refusal !== undefined) return refusal;
    const doc = documentOf(path, lower, body ?? {}, before?.doc);
    world.resources.set(lower, {
      doc,
      visibleFrom: before?.visibleFrom ?? world.now() + state.settings.readLagMs,
    });
    if (/\/managedclusters\/[^/]+$/.test(lower) && before === undefined)
      addSystemPools(path, lower, body ?? {});
    world.touch(lower);
    if (!/\/(managedclusters|agentpools)\/[^/]+$/.test(lower)) {
      doc.properties = { ...doc.properties, provisioningState: "Succeeded" };
      return { status: before === undefined ? 201 : 200, body: doc };
    }
    doc.properties.provisioningState = before === undefined ? "Creating" : "Updating";
    const failure = state.failing.find((each) => each.times > 0 && each.path.test(path));
    if (failure !== undefined) failure.times -= 1;
    const running = world.begin(lower, "put", state.settings.operationMs, 0, failure?.error);
    return {
      status: before === undefined ? 201 : 200,
      headers: { "azure-asyncoperation": asyncUrl(running.id) },
      body: doc,
    };
  }

  /** Signed, as the real ones are: nobody but the poller needs to know the signature. */
  function asyncUrl(id: string): string {
    return `${url}/subscriptions/x/providers/Microsoft.ContainerService/locations/eastus/operations/${id}?api-version=2016-03-30&t=638000000000000000&c=CERTIFICATE-MATERIAL&s=SIGNATURE-MATERIAL&h=HASH-MATERIAL`;
  }

  function refusePut(call: Call, lower: string, before: Doc | undefined): Reply | undefined {
    const { path, headers, body } = call;
    const group = /^(\/subscriptions\/[^/]+\/resourcegroups\/[^/]+)\//.exec(lower)?.[1];
    if (group !== undefined && world.find(group) === undefined)
      return problem(404, "ResourceGroupNotFound", `Resource group could not be found: ${group}`);
    const etag = before?.eTag ?? before?.properties?.eTag;
    if (headers["if-none-match"] === "*" && before !== undefined)
      return problem(412, "PreconditionFailed", "the resource exists");
    if (headers["if-match"] !== undefined && headers["if-match"] !== etag)
      return problem(412, "EtagMismatch", "the etag does not match");
    const cluster = /^(.*\/managedclusters\/[^/]+)/.exec(lower)?.[1];
    if (cluster !== undefined && world.busy(cluster, lower))
      return problem(
        409,
        "OperationNotAllowed",
        "Operation is not allowed: Another operation is in progress.",
      );
    if (/\/agentpools\//.test(lower)) {
      const live = cluster === undefined ? undefined : world.find(cluster);
      if (live === undefined) return notFound(path);
      if (live.doc.properties.powerState.code === "Stopped")
        return problem(409, "OperationNotAllowed", "the cluster is stopped");
      const changed =
        before === undefined
          ? undefined
          : immutable.pool.find((key) => differs(before.properties[key], body?.properties?.[key]));
      if (changed !== undefined)
        return problem(
          400,
          "PropertyChangeNotAllowed",
          `Changing property 'properties.${changed}' is not allowed.`,
          `properties.${changed}`,
        );
    } else if (cluster !== undefined && before !== undefined) {
      const changed = immutable.cluster.find((key) =>
        differs(before.properties[key], body?.properties?.[key]),
      );
      if (changed !== undefined)
        return problem(
          400,
          "PropertyChangeNotAllowed",
          `Changing property 'properties.${changed}' is not allowed.`,
          `properties.${changed}`,
        );
    }
    return refuseRole(lower, body);
  }

  function differs(before: unknown, after: unknown): boolean {
    return (
      after !== undefined &&
      before !== undefined &&
      JSON.stringify(before).toLowerCase() !== JSON.stringify(after).toLowerCase()
    );
  }

  function refuseRole(lower: string, body: Doc | undefined): Reply | undefined {
    if (!/\/roleassignments\/[^/]+$/.test(lower)) return undefined;
    const scope = lower.slice(0, lower.indexOf("/providers/microsoft.authorization/"));
    if (world.find(scope) === undefined) return notFound(scope);
    const born = Math.min(
      ...[...world.resources.values()]
        .filter(({ doc }) => JSON.stringify(doc).includes(body?.properties?.principalId))
        .map(({ doc }) => doc.bornAt ?? 0),
    );
    if (state.settings.principalLagMs > 0 && world.now() < born + state.settings.principalLagMs) {
      return problem(
        400,
        "PrincipalNotFound",
        `Principal ${body?.properties?.principalId} does not exist in the directory.`,
      );
    }
    const siblings = world.below(lower.slice(0, lower.lastIndexOf("/")));
    const same = siblings.find(
      ([path, { doc }]) => path !== lower && doc.properties.principalId === body?.properties?.principalId,
    );
    return same === undefined
      ? undefined
      : problem(409, "RoleAssignmentExists", "The role assignment already exists.");
  }

  function documentOf(path: string, lower: string, body: Doc, before: Doc | undefined): Doc {
    const parts = path.split("/");
    const name = parts.at(-1) ?? "";
    const group = parts[4] ?? "";
    const bornAt = before?.bornAt ?? world.now();
    if (/\/managedclusters\/[^/]+$/.test(lower)) {
      const doc = clusterDocument(body, path, group, name, before);
      Object.defineProperty(doc, "bornAt", { value: bornAt, enumerable: false });
      return doc;
    }
    if (/\/agentpools\/[^/]+$/.test(lower))
      return {
        id: path,
        name,
        type: "Microsoft.ContainerService/managedClusters/agentPools",
        properties: poolProperties(body.properties, before?.properties),
      };
    return {
      id: path,
      name,
      type: typeOf(path),
      ...body,
      properties: { ...extras(lower, name), ...body.properties },
    };
  }

  function extras(lower: string, name: string): Doc {
    if (/\/registries\/[^/]+$/.test(lower))
      return {
        loginServer: `${name}.azurecr.io`,
        creationDate: "2026-11-24T00:00:00Z",
        publicNetworkAccess: "Enabled",
        zoneRedundancy: "Disabled",
        policies: { quarantinePolicy: { status: "disabled" } },
      };
    if (/\/attestationproviders\/[^/]+$/.test(lower))
      return { attestUri: `${url}/maa/${name}`, status: "Ready", trustModel: "AAD" };
    if (/\/userassignedidentities\/[^/]+$/.test(lower))
      return {
        principalId: "55555555-5555-4555-8555-555555555555",
        clientId: "66666666-6666-4666-8666-666666666666",
      };
    if (/\/vaults\/[^/]+$/.test(lower))
      return { vaultUri: `https://${name}.vault.azure.net/`, enableSoftDelete: true };
    return {};
  }

  function typeOf(path: string): string {
    const [namespace, ...rest] = (path.split("/providers/").at(-1) ?? "").split("/");
    if (!path.includes("/providers/")) return "Microsoft.Resources/resourceGroups";
    return [namespace, ...rest.filter((_, index) => index % 2 === 0)].join("/");
  }

  function addSystemPools(path: string, lower: string, body: Doc): void {
    for (const profile of body.properties.agentPoolProfiles ?? []) {
      const { name, ...given } = profile;
      const doc = {
        id: `${path}/agentPools/${name}`,
        name,
        type: "Microsoft.ContainerService/managedClusters/agentPools",
        properties: { ...poolProperties(given, undefined), provisioningState: "Creating" },
      };
      world.resources.set(`${lower}/agentpools/${name}`, { doc, visibleFrom: 0 });
      world.touch(`${lower}/agentpools/${name}`);
    }
  }

  function remove({ path }: Call): Reply {
    const lower = path.toLowerCase();
    const found = world.resources.get(lower);
    if (found === undefined)
      return { status: /\/resourcegroups\/[^/]+$/.test(lower) ? 404 : 204, body: undefined };
    const cluster = /^(.*\/managedclusters\/[^/]+)/.exec(lower)?.[1];
    if (cluster !== undefined && world.busy(cluster, lower))
      return problem(409, "OperationNotAllowed", "Another operation is in progress.");
    if (
      /\/(roleassignments|registries|vaults|attestationproviders|userassignedidentities|federatedidentitycredentials)\/[^/]+$/.test(
        lower,
      )
    ) {
      world.drop(lower);
      return { status: 200, body: found.doc };
    }
    found.doc.properties = { ...found.doc.properties, provisioningState: "Deleting" };
    const failure = state.failing.find((each) => each.times > 0 && each.path.test(`DELETE ${path}`));
    if (failure !== undefined) failure.times -= 1;
    const running = world.begin(
      lower,
      "delete",
      state.settings.operationMs,
      state.settings.deleteLagMs,
      failure?.error,
    );
    if (state.settings.plainDelete) return { status: 202 };
    const isGroup = /\/resourcegroups\/[^/]+$/.test(lower);
    const location = `${url}/subscriptions/x/operationresults/${running.id}?api-version=2018-05-01`;
    return {
      status: 202,
      headers: isGroup ? { location } : { "azure-asyncoperation": asyncUrl(running.id), location },
    };
  }

  function post({ path }: Call): Reply {
    const lower = path.toLowerCase();
    const cluster = lower.slice(0, lower.lastIndexOf("/"));
    const action = lower.split("/").at(-1) ?? "";
    const found = world.find(cluster);
    if (found === undefined) return notFound(path);
    if (/^listcluster(user|admin)credential$/.test(action)) {
      return ok({
        kubeconfigs: [
          { name: "clusterUser", value: Buffer.from(kubeconfig(found.doc.name)).toString("base64") },
        ],
      });
    }
    if (action !== "stop" && action !== "start") return notFound(path);
    found.doc.properties.provisioningState = action === "stop" ? "Stopping" : "Starting";
    const running = world.begin(cluster, action, state.settings.operationMs, 0);
    return {
      status: 202,
      headers: {
        location: `${url}/subscriptions/x/operationresults/${running.id}?api-version=2016-03-30`,
        "azure-asyncoperation": asyncUrl(running.id),
      },
    };
  }

  return {
    url,
    ...state,
    writes: () =>
      state.requests.filter(
        ({ method, path, status }) =>
          status < 400 &&
          (method === "PUT" || method === "DELETE" || (method === "POST" && /\/(stop|start)$/.test(path))),
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isSignIn(path: string): boolean {
  return /openid-configuration$|\/oauth2\//.test(path);
}

function ok(body: unknown) {
  return { status: 200, body };
}

function problem(status: number, code: string, message: string, target?: string) {
  return { status, body: { error: { code, message, ...(target === undefined ? {} : { target }) } } };
}

function notFound(path: string) {
  return problem(404, "ResourceNotFound", `The Resource '${path}' was not found.`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function prices(filter: string) {
  const sku = /armSkuName eq '([^']+)'/.exec(filter)?.[1];
  const common = { currencyCode: "USD", unitOfMeasure: "1 Hour" };
  if (sku === "Standard_D4_v5") {
    return ok({
      Items: [
        {
          ...common,
          productName: "Virtual Machines Dv5 Series",
          skuName: "D4 v5",
          meterName: "D4 v5",
          retailPrice: 0.2,
        },
        {
          ...common,
          productName: "Virtual Machines Dv5 Series Windows",
          skuName: "D4 v5",
          meterName: "D4 v5",
          retailPrice: 0.1,
        },
        {
          ...common,
          productName: "Virtual Machines Dv5 Series",
          skuName: "D4 v5 Spot",
          meterName: "D4 v5 Spot",
          retailPrice: 0.01,
        },
      ],
    });
  }
  return ok({ Items: [] });
}

/** A kubeconfig as AKS answers it. */
export function kubeconfig(cluster: string): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ${cluster}
  cluster:
    server: https://${cluster}.hcp.eastus.azmk8s.io:443
    certificate-authority-data: Q0E=
users:
- name: clusterUser_intel-aks-kubeflow_${cluster}
  user:
    token: kubeconfig-token-that-is-secret
contexts:
- name: ${cluster}
  context:
    cluster: ${cluster}
    user: clusterUser_intel-aks-kubeflow_${cluster}
current-context: ${cluster}
`;
}
