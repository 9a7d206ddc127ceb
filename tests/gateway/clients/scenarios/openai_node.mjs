// OpenAI's SDK for Node: chat completions and responses.

import OpenAI from "openai";

import { baseURL, caught, CITY_QUESTION, main, QUESTION, step, trouble, WEATHER_QUESTION } from "./harness.mjs";

const model = "auto";
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 20_000 });
const asked = [{ role: "user", content: QUESTION }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = { name: "get_weather", description: "Get the weather in a city", parameters };
const city = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};

async function textOf(chunks) {
  let text = "";
  for await (const chunk of chunks) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

step("chat", async () => {
  const answer = await client.chat.completions.create({ model, messages: asked });
  return { text: answer.choices[0].message.content, tokens: answer.usage.total_tokens, id: answer._request_id };
});

step("streamed", async () => textOf(await client.chat.completions.create({ model, messages: asked, stream: true })));

step("tools", async () => {
  const messages = [{ role: "user", content: WEATHER_QUESTION }];
  const runner = client.chat.completions.runTools({
    model,
    messages,
    tools: [{ type: "function", function: { ...weather, parse: JSON.parse, function: () => "sunny, 21 degrees" } }],
    stream: true,
  });
  return runner.finalContent();
});

step("schema", async () => {
  const response_format = { type: "json_schema", json_schema: { name: "city", schema: city, strict: true } };
  const messages = [{ role: "user", content: CITY_QUESTION }];
  const answer = await client.chat.completions.create({ model, messages, response_format });
  return JSON.parse(answer.choices[0].message.content);
});

step("responses", async () => (await client.responses.create({ model, input: QUESTION })).output_text);

step("responses_streamed", async () => {
  const stream = client.responses.stream({ model, input: QUESTION });
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  return { text: (await stream.finalResponse()).output_text, first: kinds[0], last: kinds.at(-1) };
});

step("models", async () => {
  const ids = [];
  for await (const one of client.models.list()) ids.push(one.id);
  return ids.length;
});

step("error", () => caught(() => client.chat.completions.create({ model: "no-such-model", messages: asked })));

step("fallen_over", async () => {
  await trouble("overloaded", "internal");
  return (await client.chat.completions.create({ model, messages: asked })).choices[0].message.content;
});

await main();
