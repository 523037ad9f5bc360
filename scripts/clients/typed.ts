// A typed program of a user. The TypeScript compiler checks it against the types of the description.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths>({ baseUrl: "https://ws-uv.canfar.net/skaha" });

const sessions = await client.GET("/v1/session", { params: { query: { view: "all", status: "Running" } } });
console.log(sessions.data, sessions.response.status);

const log = await client.GET("/v1/session/{sessionID}", {
  params: { path: { sessionID: "h2u5kd7n" }, query: { view: "logs" } },
  parseAs: "text",
});
console.log(log.data);

const launch: components["schemas"]["NewSession"] = { name: "bias", image: "images.canfar.net/skaha/terminal:1.1.2", env: ["A=1"] };
const launched = await client.POST("/v1/session", {
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: launch,
  parseAs: "text",
});
const id: string | undefined = launched.data?.trim();
console.log(id, launched.error);

// @ts-expect-error The description has no such view.
await client.GET("/v1/session", { params: { query: { view: "nosuchview" } } });
