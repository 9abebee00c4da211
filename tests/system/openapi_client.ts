// What a user of a generated client would write: compiled against it with every check on, then run. Arguments: the server's address, an access token. Run by openapi.sh.
import { client } from "./generated/client.gen";
import { cancelJobs, getJob, getJobResult, getStats, listJobs, submitJob, type Job } from "./generated";

declare const process: { argv: string[]; exitCode: number };
const [url, token] = process.argv.slice(2);

function must<T>(answer: { data?: T; error?: unknown; response?: Response }): T {
	if (answer.data === undefined) throw new Error(`${answer.response?.status} ${JSON.stringify(answer.error)}`);
	return answer.data;
}

async function main() {
	client.setConfig({ baseUrl: url, auth: () => token });
	const sent = must(await submitJob({ body: { type: "echo", payload: { hello: [1, "two"] }, tags: ["generated"], timeout: "20s" } }));
	if (Array.isArray(sent) || typeof sent === "string") throw new Error("one job was sent");
	const job: Job = must(await getJob({ path: { id: sent.id }, query: { wait: "60s" } }));
	console.log(job.state, job.attempts, JSON.stringify(job.result));
	console.log(JSON.stringify(must(await getJobResult({ path: { id: job.id } }))));
	const page = must(await listJobs({ query: { tag: "generated", state: "succeeded", limit: 10 } }));
	console.log(page.jobs.length, page.jobs[0]?.id === job.id, page.cursor);
	const wrong = await submitJob({ body: { type: "echo", priority: 99999 } });
	if (!wrong.error || typeof wrong.error === "string") throw new Error("it was to be refused");
	console.log(wrong.error.status, wrong.error.title, wrong.error.field);
	console.log(must(await cancelJobs({ body: { type: "nothing", dry_run: true } })).count);
	console.log(must(await getStats()).store.engine);
}

main().catch(error => { console.log(String(error)); process.exitCode = 1; });
