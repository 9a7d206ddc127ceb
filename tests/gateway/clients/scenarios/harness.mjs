// Plays the steps of a scenario and prints what came of each as one JSON object, as harness.py does.

import http from "node:http";
import net from "node:net";

export const QUESTION = "What is a shunpike?";
export const WEATHER_QUESTION = "What is the weather in Paris?";
export const CITY_QUESTION = "Answer in JSON. city: Rome, days: 3";

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  const host = String(options?.host ?? "localhost");
  if (!/^(127\.|::1|localhost)/.test(host)) throw new Error(`a client tried to reach ${host}`);
  return connect.apply(this, given);
};

const [root, world] = process.argv.slice(2);
const steps = {};

export const baseURL = `${root}/v1`;

export function step(name, act) {
  steps[name] = act;
}

// Let the next requests fail so at the providers, in this order.
export function trouble(...script) {
  return new Promise((resolve, reject) => {
    const asked = http.request(`${world}/_sandbox/faults`, { method: "POST" }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`))));
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ script, seconds: 0.2 }));
  });
}

export async function caught(act) {
  try {
    await act();
  } catch (error) {
    return described(error);
  }
  throw new Error("nothing was thrown");
}

function described(error) {
  const status = error.status ?? error.statusCode ?? null;
  return { type: error.constructor.name, status, message: String(error.message).slice(0, 600) };
}

export async function main() {
  const results = {};
  for (const [name, act] of Object.entries(steps)) {
    try {
      results[name] = { value: await act() };
    } catch (error) {
      results[name] = { error: described(error) }; // A step that fails is told, and must not hide the others.
    }
  }
  process.stdout.write(JSON.stringify(results));
}
