// A client of each official TypeScript SDK over both transports: lists, calls, errs, reads, completes.
import assert from "node:assert/strict";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import * as sdk2 from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";

const [program, url] = process.argv.slice(2);
const who = { name: "typescript", version: "0" };
const child = { command: program, args: ["--demo"], stderr: "ignore" };

const clients = {
  "version 1": {
    make: () => new Client1(who),
    stdio: () => new Stdio1(child),
    http: () => new Http1(new URL(url)),
  },
  "version 2, legacy": {
    make: () => new sdk2.Client(who),
    stdio: () => new Stdio2(child),
    http: () => new sdk2.StreamableHTTPClientTransport(new URL(url)),
  },
  "version 2, automatic": {
    make: () => new sdk2.Client(who, { versionNegotiation: { mode: "auto" } }),
    stdio: () => new Stdio2(child),
    http: () => new sdk2.StreamableHTTPClientTransport(new URL(url)),
  },
};

const pair = { symbol1: "KO", symbol2: "PEP", start_date: "2016-01-04", end_date: "2023-12-29" };

async function looksAround(client) {
  const { tools } = await client.listTools();
  assert(tools.some((tool) => tool.name === "test_cointegration"));
  const answer = await client.callTool({ name: "test_cointegration", arguments: pair });
  assert.equal(answer.structuredContent.is_cointegrated, true, JSON.stringify(answer));
  const wrong = await client.callTool({ name: "test_cointegration", arguments: { symbol1: "KO" } });
  assert(wrong.isError && wrong.content[0].text.includes("symbol2"), JSON.stringify(wrong));
  await assert.rejects(client.callTool({ name: "no_such_tool", arguments: {} }), /unknown tool/);

  const { resources } = await client.listResources();
  assert(resources.some((resource) => resource.uri.startsWith("qc://research/")), "the result is listed");
  const system = await client.readResource({ uri: "resource://system/info" });
  assert(JSON.parse(system.contents[0].text).memory.total_bytes > 0);
  const { resourceTemplates } = await client.listResourceTemplates();
  assert(resourceTemplates.some((template) => template.uriTemplate === "qc://research/{id}"));

  const { prompts } = await client.listPrompts();
  assert(prompts.some((prompt) => prompt.name === "pair_analysis"));
  const prompt = await client.getPrompt({ name: "pair_analysis", arguments: { symbol1: "KO", symbol2: "PEP" } });
  assert(prompt.messages[0].content.text.includes("KO"));
  const completed = await client.complete({
    ref: { type: "ref/prompt", name: "pair_analysis" },
    argument: { name: "symbol1", value: "k" },
  });
  assert(completed.completion.values.includes("KO"), JSON.stringify(completed));
}

for (const [name, kind] of Object.entries(clients)) {
  for (const transport of ["stdio", "http"]) {
    const client = kind.make();
    await client.connect(kind[transport]());
    await looksAround(client);
    await client.close();
    console.log(`${name}, ${transport}: lists, calls, errors, resources, prompts, completion`);
  }
}
