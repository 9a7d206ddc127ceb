"""What to paste into a client so that it asks this gateway."""

from __future__ import annotations

from shunpike.errors import UsageError
from shunpike.validation import near

KEY = "any-key"
"""Stands for a client key, which is needed where there are any."""
CLIENTS = {
    "claude-code": "export ANTHROPIC_BASE_URL={url}\nexport ANTHROPIC_AUTH_TOKEN={key}\nexport ANTHROPIC_MODEL=auto\n",
    "codex": """\
# ~/.codex/config.toml; then: export SHUNPIKE_CLIENT_KEY={key}
model = "auto"
model_provider = "shunpike"

[model_providers.shunpike]
name = "shunpike"
base_url = "{url}/v1"
env_key = "SHUNPIKE_CLIENT_KEY"
wire_api = "responses"
""",
    "openai-python": """\
from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key="{key}")
done = client.chat.completions.create(model="auto", messages=[{{"role": "user", "content": "hi"}}])
print(done.choices[0].message.content)
""",
    "anthropic-python": """\
from anthropic import Anthropic

client = Anthropic(base_url="{url}", api_key="{key}")
done = client.messages.create(model="auto", max_tokens=500, messages=[{{"role": "user", "content": "hi"}}])
print(done.content[0].text)
""",
    "openai-node": """\
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{url}/v1", apiKey: "{key}" }});
const done = await client.chat.completions.create({{ model: "auto", messages: [{{ role: "user", content: "hi" }}] }});
console.log(done.choices[0].message.content);
""",
    "curl": """\
curl {url}/v1/chat/completions -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\
  -d '{{"model": "auto", "messages": [{{"role": "user", "content": "hi"}}]}}'
""",
    "langchain": """\
from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{url}/v1", api_key="{key}", model="auto")
print(model.invoke("hi").content)
""",
}


def settings_of_client(name: str, url: str) -> str:
    """Return what the client ``name`` is told so that it asks the gateway at ``url``. Raises `UsageError`."""
    found = CLIENTS.get(name)
    if found is None:
        message = f"no settings are known for a client {name[:40]!r}{near(name, CLIENTS)}"
        raise UsageError(message, hint=f"--print-client {'|'.join(CLIENTS)}")
    return found.format(url=url, key=KEY)
