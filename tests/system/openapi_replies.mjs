// GET /openapi.json against the real server: the document by a public validator, then real requests and answers against the document, in both directions: what the document takes the server takes.
// Arguments: the server's address, a token with all roles, one that may submit alone. A line for each finding: "ok" or "not ok", what, why; with tabs between. Run by openapi.sh, beside its packages.
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { writeFileSync } from "node:fs";

const [url, token, submitter] = process.argv.slice(2);
const say = (good, what, why) => console.log([good ? "ok" : "not ok", what, (why ?? "").replaceAll(/\s+/g, " ")].join("\t"));
const auth = { Authorization: `Bearer ${token}` };

// --- the document
const answer = await fetch(url + "/openapi.json", { headers: auth });
const text = await answer.text();
writeFileSync("openapi.json", text);
say(answer.status === 200 && answer.headers.get("content-type") === "application/json", "it is there", `${answer.status} ${answer.headers.get("content-type")}`);
say(answer.headers.get("cache-control") === "no-store", "as any API reply");
const doc = JSON.parse(text);
const validator = new Validator();
const verdict = await validator.validate(JSON.parse(text));
say(verdict.valid && validator.version === "3.1", "it is OpenAPI 3.1", JSON.stringify(verdict.errors)?.slice(0, 600));

// Of answers nothing may be left unsaid.
for (const s of Object.values(doc.components.schemas))
	if (s.properties && s.additionalProperties === undefined) s.additionalProperties = false;
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(doc, "doc", true, false);
const compiled = new Map();
const misfit = (schema, value) => {
	const key = JSON.stringify(schema).replaceAll('"#/components', '"doc#/components');
	if (!compiled.has(key)) compiled.set(key, ajv.compile(JSON.parse(key)));
	const check = compiled.get(key);
	return check(value) ? "" : ajv.errorsText(check.errors).slice(0, 300);
};
const ref = name => ({ $ref: `#/components/schemas/${name}` });
const resolve = o => o?.$ref ? o.$ref.slice(2).split("/").reduce((at, name) => at[name], doc) : o;

// --- one request, and whether all of it is as the document says
const media = type => (type ?? "").split(";")[0].trim();
const asked = new Set();
async function ask(status, method, path, o = {}) {
	const op = doc.paths[path]?.[method.toLowerCase()];
	const what = `${method} ${path} ${o.note ?? ""}: ${status}`;
	const target = path.replaceAll(/{(\w+)}/g, (_, name) => encodeURIComponent(o[name] ?? o.id));
	const headers = { ...(o.token === null ? {} : auth), ...o.headers };
	const json = o.body !== undefined && typeof o.body !== "string" && !(o.body instanceof Uint8Array);
	if (json) headers["Content-Type"] ??= "application/json";
	const r = await fetch(url + target + (o.query ?? ""), { method, headers, body: json ? JSON.stringify(o.body) : o.body, redirect: "manual" });
	const bytes = await r.text(), type = media(r.headers.get("content-type"));
	const said = op && resolve(op.responses[r.status] ?? op.responses.default);
	const value = type.endsWith("json") && type !== "application/x-ndjson" && bytes ? JSON.parse(bytes) : bytes;
	let why = "";
	if (op) asked.add(op.operationId);
	if (r.status !== status) why = `got ${r.status} ${bytes.slice(0, 300)}`;
	else if (!op && !o.nowhere) why = "the document does not know it";
	else if (op) {
		const schema = said.content && (said.content[type] ?? said.content["*/*"]);
		const query = new URLSearchParams(o.query ?? ""), known = (op.parameters ?? []).filter(p => p.in === "query").map(p => p.name);
		if (bytes && !schema) why = `no ${type} is said of ${status}`;
		else if (!bytes && said.content && method !== "HEAD" && !o.empty) why = "the answer is empty";
		else if (schema && method !== "HEAD") why = misfit(schema.schema, value);
		for (const name of Object.keys(said.headers ?? {}))
			if (!r.headers.get(name) && name !== "Idempotent-Replayed" && !(name === "Location" && (Array.isArray(value) || type === "application/x-ndjson")) && !(name === "Allow" && status !== 405))
				why += ` the header ${name} is not there`;
		for (const name of query.keys())
			if (!known.includes(name) && status < 400) why += ` the parameter ${name} is not said`;
		if (json && status < 400) {
			const asks = misfit(op.requestBody.content["application/json"].schema, o.body);
			if (asks) why += ` what was sent: ${asks}`;
		}
	}
	if (status >= 400 && type === "application/problem+json" && value.status !== status) why += " its status is another";
	say(!why, what, why);
	return { value, headers: r.headers, bytes };
}
const submit = async (job, o = {}) => (await ask(201, "POST", "/jobs", { body: job, note: job.type, ...o })).value;
const final = async id => (await ask(200, "GET", "/jobs/{id}", { id, query: "?wait=60s" })).value;
const nobody = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071";
const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// --- who may
await ask(401, "GET", "/openapi.json", { token: null });
await ask(403, "GET", "/openapi.json", { headers: { Authorization: `Bearer ${submitter}` } });
await ask(403, "POST", "/jobs/cancel", { headers: { Origin: "http://elsewhere.example" }, body: { all: true }, note: "from another origin" });

// --- submissions
const full = { type: "echo", payload: { a: [1, null, "x"] }, name: "n", queue: "default", priority: -3, max_retries: 2, timeout: "20s", backoff: { base: 0.5, factor: 1.5, max: "2s", jitter: 7 },
	expires_in: "1h", idempotency_key: "i1", unique_key: "u1", key: "k1", trace, tags: ["a", "b"] };
const first = await submit(full, { note: "with every field" });
const done = await final(first.id);
say(done.state === "succeeded" && done.result?.a?.length === 3, "it ran", JSON.stringify(done));
await ask(200, "POST", "/jobs", { body: full, note: "the same again" });
await ask(422, "POST", "/jobs", { body: { ...full, name: "other" }, note: "another with its key" });
await ask(201, "POST", "/jobs", { body: [{ type: "echo" }, { type: "echo", depends_on: [first.id] }], note: "an array" });
await ask(400, "POST", "/jobs", { body: [{ type: "echo" }, { type: "echo", tags: [1] }], note: "an array with a mistake" });
await ask(400, "POST", "/jobs", { body: { type: "echo", colour: "red" }, note: "an unknown field" });
await ask(400, "POST", "/jobs", { body: "{", headers: { "Content-Type": "application/json" }, note: "no JSON" });
await ask(415, "POST", "/jobs", { body: "x", headers: { "Content-Type": "image/png" }, note: "no type" });
await ask(413, "POST", "/jobs", { body: JSON.stringify({ type: "echo", payload: "x".repeat(70000) }), headers: { "Content-Type": "application/json" }, note: "too long" });
await ask(422, "POST", "/jobs", { body: { type: "echo", depends_on: [nobody] }, note: "depends on nobody" });
const lines = await ask(200, "POST", "/jobs", { body: '{"type":"echo"}\n{"type":""}\nx\n', headers: { "Content-Type": "application/x-ndjson" }, note: "NDJSON" });
const told = lines.bytes.trim().split("\n").map(l => JSON.parse(l));
say(told.length === 3 && told.every((l, i) => !misfit(ref(i ? "LineProblem" : "JobAccepted"), l)), "each of its lines", JSON.stringify(told));
const whole = '{"kind":"stint-export","format":1,"version":"1","made_ms":1}\n{"kind":"job","id":"0192f0c1-1111-7000-8000-000000000001","state":"cancelled","type":"echo","queue":"default","payload":1,"backoff_base_ms":1000,"backoff_max_ms":60000,"backoff_factor_milli":2000,"timeout_ms":30000,"created_ms":' + Date.now() + ',"updated_ms":' + Date.now() + ',"finished_ms":' + Date.now() + '}\n';
const imported = await ask(200, "POST", "/import", { body: whole + whole, headers: { "Content-Type": "application/x-ndjson" }, note: "an export" });
const became = imported.bytes.trim().split("\n").map(l => JSON.parse(l));
say(became.length === 4 && became.every((l, i) => !misfit(ref(i === 2 ? "LineProblem" : "ImportedLine"), l)) && became[3].there, "each of its lines", JSON.stringify(became));
await ask(415, "POST", "/import", { body: "{}", headers: { "Content-Type": "application/json" }, note: "no export" });
const raw = await ask(201, "POST", "/jobs", { query: "?type=echo&priority=4&run_at=2026-01-01T00:00:00Z&tag=a&tag=b", body: new Uint8Array([1, 255, 0]), headers: { "Content-Type": "image/png" }, note: "raw" });
await final(raw.value.id);
await ask(200, "GET", "/jobs/{id}/payload", { id: raw.value.id, note: "raw" });
await ask(200, "GET", "/jobs/{id}/result", { id: raw.value.id, note: "raw" });
await ask(200, "GET", "/jobs/{id}/payload", { id: first.id });
await ask(200, "GET", "/jobs/{id}/result", { id: first.id });
await ask(200, "GET", "/jobs/{id}/history", { id: first.id });
await ask(200, "GET", "/jobs/{id}/log", { id: first.id, query: "?attempt=1", empty: true });
for (const part of ["", "/payload", "/result", "/history", "/log"]) await ask(404, "GET", "/jobs/{id}" + part, { id: nobody });
await ask(400, "GET", "/jobs/{id}", { id: first.id, query: "?wait=1y" });
await ask(400, "GET", "/jobs/{id}", { id: first.id, query: "?colour=red" });

// --- what is done to jobs
const bad = await submit({ type: "bad" });
const dead = await final(bad.id);
say(dead.state === "dead" && dead.last_error, "it failed", JSON.stringify(dead));
await ask(200, "GET", "/jobs/{id}/history", { id: bad.id, note: "of a dead job" });
await ask(200, "GET", "/jobs/{id}/log", { id: bad.id });
await ask(200, "POST", "/jobs/{id}/retry", { id: bad.id });
await final(bad.id);
await ask(409, "POST", "/jobs/{id}/run-now", { id: bad.id });
await ask(409, "DELETE", "/jobs/{id}", { id: bad.id });
await ask(204, "POST", "/jobs/{id}/delete", { id: bad.id });
await ask(404, "POST", "/jobs/{id}/retry", { id: bad.id });
const later = await submit({ type: "echo", delay: "1h", expires_at: "2099-01-01T00:00:00Z" }, { note: "later" });
await ask(409, "POST", "/jobs/{id}/delete", { id: later.id });
await ask(200, "GET", "/jobs/{id}/history", { id: later.id, note: "of a scheduled job" });
await ask(200, "POST", "/jobs/{id}/run-now", { id: later.id });
const waits = await submit({ type: "echo", delay: 3600 }, { note: "to be cancelled" });
await submit({ type: "echo", depends_on: [waits.id] }, { note: "that waits" });
await ask(200, "DELETE", "/jobs/{id}", { id: waits.id });
const stays = await submit({ type: "steps" });
const until = async (id, state) => { for (let i = 0; i < 1200 && (await (await fetch(`${url}/jobs/${id}`, { headers: auth })).json()).state !== state; i++) await new Promise(r => setTimeout(r, 50)); };
await until(stays.id, "running");
await ask(200, "GET", "/jobs/{id}", { id: stays.id, note: "that runs" });
await ask(200, "GET", "/jobs/{id}/history", { id: stays.id, note: "of one that runs" });
await ask(202, "DELETE", "/jobs/{id}", { id: stays.id });
await final(stays.id);
await ask(200, "GET", "/jobs/{id}/history", { id: stays.id, note: "of one that was ended" });

// --- many at once
const page = await ask(200, "GET", "/jobs", { query: "?limit=2&queue=default" });
await ask(200, "GET", "/jobs", { query: `?limit=2&queue=default&cursor=${page.value.cursor}`, note: "the next page" });
await ask(200, "GET", "/jobs", { query: "?state=succeeded&type=echo&tag=a&q=n&limit=1000" });
for (const wrong of ["?limit=0", "?state=ripe", "?cursor=x", "?colour=red", "?limit=1&limit=2"]) await ask(400, "GET", "/jobs", { query: wrong, note: wrong });
for (const [path, state] of [["cancel", "queued"], ["retry", "dead"], ["delete", "dead"]]) {
	await ask(200, "POST", `/jobs/${path}`, { body: { state, type: "echo", queue: "default", tag: "t", q: "x", dry_run: true } });
	await ask(400, "POST", `/jobs/${path}`, { body: {}, note: "nothing said" });
}
await ask(200, "POST", "/jobs/cancel", { body: { q: "nothing has this" } });

// --- queues and schedules
await ask(200, "POST", "/queues/{name}/pause", { name: "full" });
await submit({ type: "echo", queue: "full" }, { note: "fills the queue" });
await ask(429, "POST", "/jobs", { body: { type: "echo", queue: "full" } });
await ask(200, "GET", "/queues");
await ask(200, "GET", "/queues/{name}", { name: "full" });
await ask(404, "GET", "/queues/{name}", { name: "none" });
await ask(400, "DELETE", "/queues/{name}/jobs", { name: "full" });
await ask(404, "DELETE", "/queues/{name}/jobs", { name: "none", query: "?state=queued" });
await ask(200, "DELETE", "/queues/{name}/jobs", { name: "full", query: "?state=queued" });
await ask(200, "POST", "/queues/{name}/resume", { name: "full" });
await ask(200, "GET", "/schedules");
const ran = await ask(201, "POST", "/schedules/{name}/run", { name: "nightly" });
await final(ran.value.id);
await ask(404, "POST", "/schedules/{name}/run", { name: "none" });

// --- workers on other machines
const claim = async (max, o = {}) => (await ask(200, "POST", "/claims", { body: { types: ["far"], queues: ["default"], max, lease: "60s", wait: 0, worker: "box:1" }, ...o })).value.jobs;
await claim(1, { note: "nothing there" });
for (let i = 0; i < 4; i++) await submit({ type: "far", name: "n", payload: { i }, tags: ["x"], trace, max_retries: i });
await ask(201, "POST", "/jobs", { query: "?type=far", body: "bytes", headers: { "Content-Type": "text/x-any" }, note: "far, raw" });
const [a, b, c, d, e] = await claim(5, { note: "five" });
say(e?.payload_base64 === "Ynl0ZXM=" && a?.payload?.i === 0, "they have their payloads", JSON.stringify([a, e]));
await ask(200, "POST", "/jobs/{id}/progress", { id: a.id, body: { lease: a.lease, percent: 40.5, message: "half" } });
await ask(200, "GET", "/jobs/{id}", { id: a.id, note: "with progress" });
await ask(200, "GET", "/jobs/{id}/history", { id: a.id, note: "with progress" });
await ask(200, "POST", "/jobs/{id}/extend", { id: a.id, body: { lease: a.lease, by: 90 } });
await ask(200, "POST", "/jobs/{id}/complete", { id: a.id, body: { lease: a.lease, result: { ok: true }, log: "l", exit_code: 0 } });
await ask(200, "POST", "/jobs/{id}/fail", { id: b.id, body: { lease: b.lease, error: "e", retry: true, retry_in: "1h", exit_code: 3, log: "l" } });
await ask(200, "GET", "/jobs/{id}", { id: b.id, note: "that is retrying" });
await ask(200, "POST", "/jobs/{id}/release", { id: c.id, body: { lease: c.lease } });
for (const act of ["complete", "fail", "release", "extend"]) {
	await ask(409, "POST", `/jobs/{id}/${act}`, { id: a.id, body: { lease: "1" } });
	await ask(404, "POST", `/jobs/{id}/${act}`, { id: nobody, body: { lease: "1" } });
}
await ask(409, "POST", "/jobs/{id}/progress", { id: a.id, body: { lease: a.lease, percent: 50 } });
const ends = await ask(200, "POST", "/claims/results", { body: [
	{ id: d.id, lease: d.lease, outcome: "fail", error: "e", retry_in: 3600 }, { id: e.id, lease: e.lease, outcome: "complete", result_base64: "aGk=" },
	{ id: a.id, lease: "1", outcome: "release" }, { id: nobody, lease: "1", outcome: "complete", result: 1 } ] });
say(ends.value.results?.map(r => r.status).join() === "200,200,409,404", "each with its own status", ends.bytes);
await ask(400, "POST", "/claims/results", { body: [{ id: a.id, lease: "1", outcome: "extend" }] });
await ask(422, "POST", "/claims", { body: { types: ["echo"] }, note: "of a type that is run here" });
await ask(400, "POST", "/claims", { body: { types: [] } });

// --- at the limits of what the document says, and beyond: both sides have to agree
function edges(s) {
	const long = n => "x".repeat(n), of = (good, ...values) => values.map(value => ({ value, good }));
	if (s.oneOf) return edges(s.oneOf[0]).concat(of(true, "5s"), of(false, "5y", true));
	if (s.$ref === "#/components/schemas/JobId") return of(true, nobody).concat(of(false, "x", 1));
	if (s.$ref) return of(false, "ripe", 1);
	if (s.enum) return of(false, "other", 1);
	if (s.type === "boolean") return of(true, true, false).concat(of(false, "true", 1));
	if (s.type === "integer" || s.type === "number") return of(true, s.minimum, s.maximum).concat(of(false, s.minimum - 1, s.maximum + 1, "5x"), s.type === "integer" ? of(false, s.minimum + 0.5) : []);
	if (s.type === "array") return of(true, Array(s.maxItems).fill("x")).concat(of(false, Array(s.maxItems + 1).fill("x"), [], "x", [1], [long(s.items.maxLength + 1)]));
	if (s.pattern) return of(true, "1").concat(of(false, "x1", "1".repeat(s.maxLength + 1), "", 1));
	if (s.type === "string") return of(true, ...(s.maxLength ? [long(s.maxLength)] : ["aGk="])).concat(of(false, 1), s.maxLength ? of(false, long(s.maxLength + 1)) : [], s.minLength ? of(false, "") : []);
	return [];
}
async function agree(name, path, base, wrap = v => v) {
	const schema = doc.components.schemas[name], differ = [];
	const cases = Object.entries(schema.properties).flatMap(([member, s]) => edges(s).map(c => ({ body: { ...base, [member]: c.value }, good: c.good, member })));
	for (const one of cases) if (one.member === "wait" && one.good) one.body.wait = 0;      // nobody is to wait as long as may be
	cases.push({ body: { ...base, colour: "red" }, good: false, member: "colour" });
	for (const member of schema.required ?? []) cases.push({ body: Object.fromEntries(Object.entries(base).filter(([k]) => k !== member)), good: false, member: `no ${member}` });
	for (const one of cases) {
		const r = await fetch(url + path, { method: "POST", headers: { ...auth, "Content-Type": "application/json" }, body: JSON.stringify(wrap(one.body)) });
		const taken = r.status !== 400, fits = !misfit(ref(name), one.body);
		await r.text();
		if (taken !== one.good || fits !== one.good) differ.push(`${one.member} ${JSON.stringify(one.body[one.member])?.slice(0, 40)}: server ${r.status}, document ${fits}`);
	}
	say(cases.length > 3 && !differ.length, `${name}: ${cases.length} bodies at its limits and beyond`, differ.join("; ").slice(0, 900));
}
await agree("Claim", "/claims", { types: ["far2"] });
await agree("JobFilter", "/jobs/delete", { q: "nothing has this", dry_run: true });
await agree("LeaseComplete", `/jobs/${nobody}/complete`, { lease: "1" });
await agree("LeaseFail", `/jobs/${nobody}/fail`, { lease: "1" });
await agree("LeaseExtend", `/jobs/${nobody}/extend`, { lease: "1" });
await agree("LeaseProgress", `/jobs/${nobody}/progress`, { lease: "1", percent: 5 });
await agree("LeaseRelease", `/jobs/${nobody}/release`, { lease: "1" });

// --- watching
for (const path of ["/stats", "/status.json", "/livez", "/readyz", "/health", "/openapi.json"]) await ask(200, "GET", path);
await ask(200, "GET", "/metrics");
await ask(200, "GET", "/metrics", { headers: { Accept: "application/openmetrics-text" }, note: "OpenMetrics" });
await ask(200, "GET", "/metrics", { headers: { Accept: "application/json" }, note: "JSON" });
await ask(200, "GET", "/status", { headers: { Accept: "text/html" } });
await ask(200, "GET", "/status", { headers: { Accept: "application/json" }, note: "JSON" });
await ask(302, "GET", "/", {});
await ask(200, "GET", "/status/login");
for (const file of ["style.css", "script.js", "icon.svg"]) await ask(200, "GET", `/status/${file}`, { query: "?v=1" });
const form = { "Content-Type": "application/x-www-form-urlencoded" };
await ask(401, "POST", "/status/login", { body: "token=none", headers: form });
await ask(303, "POST", "/status/login", { body: `token=${token}`, headers: form });
await ask(303, "POST", "/status/logout");
for (const [path, o] of [["/status/jobs", { query: "?state=&q=n" }], ["/status/jobs/{id}", { id: first.id, query: "?done=retry" }]]) {
	await ask(200, "GET", path, { ...o, headers: { Accept: "text/html" } });
	await ask(200, "GET", path, { id: first.id, headers: { Accept: "application/json" }, note: "JSON" });
}
await ask(200, "POST", "/status/jobs/bulk", { body: "act=cancel&q=nothing+has+this", headers: form, note: "the question" });
await ask(303, "POST", "/status/jobs/bulk", { body: "act=cancel&q=nothing+has+this&sure=yes", headers: form });
for (const act of ["cancel", "retry", "run-now"]) await ask(409, "POST", `/status/jobs/{id}/${act}`, { id: first.id });
await ask(303, "POST", "/status/jobs/{id}/delete", { id: first.id });
for (const path of ["/status/queues", "/status/workers", "/status/schedules"]) {
	await ask(200, "GET", path, { headers: { Accept: "text/html" } });
	await ask(200, "GET", path, { headers: { Accept: "application/json" }, note: "JSON" });
}
await ask(200, "GET", "/status/submit", { query: "?type=a&queue=b" });
await ask(400, "POST", "/status/submit", { body: "type=&payload=x", headers: form });
await ask(303, "POST", "/status/submit", { body: `type=${first.type}&delay=1h`, headers: form });
for (const act of ["pause", "resume"]) await ask(303, "POST", `/status/queues/{name}/${act}`, { name: "full" });
await ask(303, "POST", "/status/schedules/{name}/run", { name: "nightly" });
await ask(404, "GET", "/nowhere", { nowhere: true });
await ask(405, "PUT", "/jobs", { nowhere: true });

const heard = { stats: 0, job: 0 }, wrong = [];
const stop = new AbortController();
const stream = await fetch(url + "/events", { headers: auth, signal: stop.signal });
asked.add("watchEvents");
let rest = "", watched = submit({ type: "steps" }, { note: "watched" });
const give_up = setTimeout(() => stop.abort(), 60000);
try {
	for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
		const events = (rest + piece).split("\n\n");
		rest = events.pop();
		for (const one of events) {
			const name = /^event: (.*)$/m.exec(one)?.[1], data = /^data: (.*)$/m.exec(one)?.[1];
			if (!name) continue;
			const value = JSON.parse(data), why = misfit(ref(name === "stats" ? "Stats" : "JobEvent"), value);
			if (why) wrong.push(`${name}: ${why} ${data}`);
			heard[value.event ?? name] = (heard[value.event ?? name] ?? 0) + 1;
			if (value.event === "progress") await ask(202, "DELETE", "/jobs/{id}", { id: (await watched).id, note: "watched" });
		}
		if (heard.stats && heard.cancelled) break;
	}
} catch (error) { wrong.push(String(error)); }
clearTimeout(give_up);
stop.abort();
say(media(stream.headers.get("content-type")) === "text/event-stream" && heard.stats && heard.progress && heard.cancelled && !wrong.length, "each event is as the document says", JSON.stringify([heard, wrong.slice(0, 3)]));

// --- HEAD, and whether everything was asked for
for (const [path, item] of Object.entries(doc.paths)) {
	if (!item.head) continue;
	if (!path.includes("{") && path !== "/") await ask(200, "HEAD", path);
	else asked.add(item.head.operationId);
}
const not = Object.values(doc.paths).flatMap(item => Object.values(item)).map(op => op.operationId).filter(id => !asked.has(id));
say(!not.length, "every operation was asked for", not.join());
