// Vercel's AI SDK: its provider for OpenAI, which asks responses, and the one for servers that are like it.

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { baseURL, caught, CITY_QUESTION, main, QUESTION, step, WEATHER_QUESTION } from "./harness.mjs";

const responses = createOpenAI({ baseURL, apiKey: "none" })("auto");
const chat = createOpenAICompatible({
  name: "shunpike",
  baseURL,
  apiKey: "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
})("auto");
const schema = z.object({ city: z.string(), days: z.number().int() });
const weather = tool({
  description: "Get the weather in a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}, 21 degrees`,
});

for (const [name, model] of Object.entries({ responses, chat })) {
  step(`${name}_text`, async () => {
    const { text, usage } = await generateText({ model, prompt: QUESTION, maxRetries: 0 });
    return { text, tokens: usage.totalTokens };
  });

  step(`${name}_streamed`, async () => {
    const streamed = streamText({ model, prompt: QUESTION, maxRetries: 0 });
    let text = "";
    for await (const part of streamed.textStream) text += part;
    return { text, finish: await streamed.finishReason, tokens: (await streamed.totalUsage).totalTokens };
  });

  step(`${name}_tools`, async () => {
    const asked = { model, prompt: WEATHER_QUESTION, tools: { get_weather: weather }, maxRetries: 0 };
    const { text, steps } = await generateText({ ...asked, stopWhen: stepCountIs(5) });
    return { text, steps: steps.length };
  });

  step(`${name}_object`, async () => {
    return (await generateObject({ model, schema, prompt: CITY_QUESTION, maxRetries: 0 })).object;
  });
}

const missing = createOpenAICompatible({ name: "shunpike", baseURL, apiKey: "none" })("no-such-model");
step("error", () => caught(() => generateText({ model: missing, prompt: QUESTION, maxRetries: 0 })));

await main();
