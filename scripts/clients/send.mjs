// Send each call with the clients of other projects, and print the requests and their statuses.
// Standard input: {server, token, document, calls: [call, ...]}, as ../clients.py writes it.

import createClient from "openapi-fetch";
import SwaggerClient from "swagger-client";

const FORM = "application/x-www-form-urlencoded";
const { server, token, document, calls } = JSON.parse(await new Response(process.stdin).text());
document.servers = [{ url: server }];

const requests = [];

/** Return a `fetch` that also keeps the request and the status of its response. */
function recorder(client, call) {
  return async (...args) => {
    const request = new Request(...args);
    const kept = request.clone();
    const response = await fetch(request);
    requests.push({
      client,
      operation: call.operation,
      method: kept.method,
      url: kept.url,
      headers: Object.fromEntries(kept.headers),
      body: await kept.text(),
      status: response.status,
    });
    return response;
  };
}

// swagger-client sends the same form without a function: the description has an `encoding`.
function form(fields) {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((item) => [name, item]));
  return new URLSearchParams(pairs).toString();
}

const swagger = await SwaggerClient({ spec: document, authorizations: { bearer: token } });

const clients = {
  "swagger-client": (call, record) =>
    swagger.execute({
      operationId: call.shared_operation,
      parameters: { ...call.path_parameters, ...call.query, ...call.headers },
      requestBody: call.body ?? undefined,
      requestContentType: call.media_type ?? undefined,
      userFetch: record,
    }),
  "openapi-fetch": (call, record) =>
    createClient({ baseUrl: server, fetch: record }).request(call.method, call.path, {
      params: { path: call.path_parameters, query: call.query, header: call.headers },
      headers: {
        Authorization: `Bearer ${token}`,
        ...(call.media_type && { "Content-Type": call.media_type }),
      },
      ...(call.media_type && { body: call.body, bodySerializer: call.media_type === FORM ? form : JSON.stringify }),
      parseAs: "text",
    }),
};

for (const call of calls) {
  for (const [client, send] of Object.entries(clients)) {
    // swagger-client raises an error for a refusal; here it is a status in the list.
    await send(call, recorder(client, call)).catch((error) => console.error(client, call.operation, error.message));
  }
}
console.log(JSON.stringify(requests));
