#!/bin/sh
# The API as a program sees it that has nothing but the fetch of Node: jobs one by one and in streams both ways, waiting, claims, leases, events, bytes, errors, and connections that are used again.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

[ "$(command -v node > /dev/null 2>&1 && node -p 'typeof fetch')" = function ] || skip_all "there is no node with a fetch of its own"

cat > "$T/hello" <<'END'
#!/bin/sh
read -r line
echo "a word on stderr" >&2
printf '{"got": %s}' "$line"
END
chmod +x "$T/hello"
add_conf <<'END'
handler hello { exec = {"$T/hello"} }
handler idle { builtin = noop }
handler far { remote = true }
END
must_start

cat > "$T/client.js" <<'END'
const url = process.argv[2];
const json = { 'Content-Type': 'application/json' };
const post = (path, body, more) => fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body), ...more });
const steps = [];
const step = (name, run) => steps.push([name, run]);
const same = (have, want) => {
	const [a, b] = [JSON.stringify(have), JSON.stringify(want)];
	if (a !== b)
		throw new Error(`got ${a}, wanted ${b}`);
};
const members = (o, ...names) => names.map((n) => o[n]);
const connections = async () => Number(/^stint_http_connections_total (\d+)/m.exec(await (await fetch(url + '/metrics', { headers: { Accept: 'application/openmetrics-text' } })).text())[1]);
/* Text of a body as it comes, line by line. */
async function* lines(body) {
	let rest = '';
	for await (const piece of body.pipeThrough(new TextDecoderStream())) {
		const all = (rest + piece).split('\n');
		rest = all.pop();
		yield* all;
	}
	if (rest)
		yield rest;
}

let id;
step('a job is submitted', async () => {
	const r = await post('/jobs', { type: 'hello', payload: { name: 'Zoë 🚀' }, tags: ['node'] });
	const job = await r.json();
	id = job.id;
	same([r.status, r.headers.get('location'), r.headers.get('content-type'), job.state], [201, '/jobs/' + id, 'application/json', 'queued']);
});
step('waited for', async () => {
	const r = await fetch(`${url}/jobs/${id}?wait=30s`);
	const job = await r.json();
	same([r.status, ...members(job, 'state', 'attempts', 'result')], [200, 'succeeded', 1, { got: { name: 'Zoë 🚀' } }]);
});
step('its payload, result, log and history are read', async () => {
	same(await (await fetch(`${url}/jobs/${id}/payload`)).json(), { name: 'Zoë 🚀' });
	same(await (await fetch(`${url}/jobs/${id}/result`)).json(), { got: { name: 'Zoë 🚀' } });
	same(await (await fetch(`${url}/jobs/${id}/log`)).text(), 'a word on stderr\n');
	const { history } = await (await fetch(`${url}/jobs/${id}/history`)).json();
	same(history.map((e) => e.event), ['queued', 'claimed', 'started', 'succeeded']);
});
step('bytes are bytes', async () => {
	const bytes = Uint8Array.from({ length: 70000 }, (_, i) => (i * 7) & 255);
	const r = await fetch(url + '/jobs?type=far&delay=1h&name=raw', { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: bytes });
	same(r.status, 201);
	const back = await fetch(`${url}/jobs/${(await r.json()).id}/payload`);
	same([back.headers.get('content-type'), Buffer.from(await back.arrayBuffer()).equals(Buffer.from(bytes))], ['application/octet-stream', true]);
});
step('an array is all or nothing', async () => {
	const good = await post('/jobs', [{ type: 'idle' }, { type: 'idle', priority: 5 }]);
	same([good.status, (await good.json()).length], [201, 2]);
	const bad = await post('/jobs', [{ type: 'idle' }, { type: 'idle', priority: 'high' }]);
	same([bad.status, (await bad.json()).field], [400, '[1].priority']);
});
step('NDJSON goes up as a stream and is answered while it does', async () => {
	let more, heard = 0;
	const first = new Promise((r) => { more = r; });
	const body = new ReadableStream({
		async start(c) {
			const text = new TextEncoder();
			c.enqueue(text.encode('{"type":"idle"}\n'));
			await first;            /* until the answer to that is there */
			for (let i = 0; i < 50; i++)
				c.enqueue(text.encode('{"type":"idle","name":"streamed"}\n'.repeat(100)));
			c.enqueue(text.encode('{"type":"nobody"}\n'));
			c.close();
		},
	});
	const r = await fetch(url + '/jobs', { method: 'POST', headers: { 'Content-Type': 'application/x-ndjson' }, body, duplex: 'half' });
	const status = {};
	for await (const line of lines(r.body)) {
		const one = JSON.parse(line);
		status[one.state || one.status] = (status[one.state || one.status] || 0) + 1;
		if (heard++ === 0)
			more();
	}
	same([r.status, heard, status], [200, 5002, { queued: 5001, 422: 1 }]);
});
step('a list is read page by page', async () => {
	let cursor = '', seen = new Set();
	for (let page = 0; page < 100; page++) {
		const { jobs, cursor: next } = await (await fetch(`${url}/jobs?q=streamed&limit=500${cursor}`)).json();
		jobs.forEach((j) => seen.add(j.id));
		if (!next)
			break;
		cursor = '&cursor=' + encodeURIComponent(next);
	}
	same(seen.size, 5000);
});
step('a claim waits until a job comes, and its lease is kept and ended', async () => {
	const claim = post('/claims', { types: ['far'], wait: '50s', lease: '1m', worker: 'node:1' });
	await post('/claims', { types: ['nothing'] });
	const made = await (await post('/jobs', { type: 'far', payload: [1, 2] })).json();
	const r = await claim;
	const { jobs: [job] } = await r.json();
	same([r.status, job.id, job.payload, job.attempt], [200, made.id, [1, 2], 1]);
	const shown = await (await fetch(`${url}/jobs/${job.id}`)).json();
	same(members(shown, 'state', 'worker'), ['running', 'node:1']);
	const word = (what, more) => post(`/jobs/${job.id}/${what}`, { lease: job.lease, ...more });
	same((await word('extend', { by: '2m' })).status, 200);
	same((await word('progress', { percent: 30, message: 'so far' })).status, 200);
	const first = await word('complete', { result: { sum: 3 } }), again = await word('complete', { result: { sum: 3 } });
	same([first.status, await first.json()], [200, await again.json()]);
	const late = await word('fail', {});
	same([late.status, late.headers.get('content-type')], [409, 'application/problem+json']);
	await late.text();
});
step('a claim that is given up gets nothing', async () => {
	const stop = new AbortController();
	const claim = post('/claims', { types: ['far'], wait: '50s' }, { signal: stop.signal }).then(() => 'answered', (e) => e.name);
	await post('/claims', { types: ['nothing'] });
	stop.abort();
	same(await claim, 'AbortError');
	/* the server has seen that it went when nobody waits any more: then a job stays where it is */
	const { id: left } = await (await post('/jobs', { type: 'far', delay: '1h' })).json();
	await (await fetch(`${url}/jobs/${left}/run-now`, { method: 'POST' })).text();
	const { jobs } = await (await post('/claims', { types: ['far'], wait: '50s' })).json();
	same([jobs.length, jobs[0].id], [1, left]);
	same((await post(`/jobs/${left}/release`, { lease: jobs[0].lease })).status, 200);
	same((await fetch(`${url}/jobs/${left}`, { method: 'DELETE' })).status, 200);
});
step('events come as they happen, and from where one was', async () => {
	const stop = new AbortController();
	const read = async (headers, until) => {
		const r = await fetch(url + '/events?type=hello', { headers, signal: stop.signal });
		const heard = [];
		let last, event;
		same([r.status, r.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8']);
		for await (const line of lines(r.body)) {
			if (line.startsWith('id: '))
				last = line.slice(4);
			else if (line.startsWith('event: '))
				event = line.slice(7);
			else if (line.startsWith('data: ') && event === 'job')
				heard.push(JSON.parse(line.slice(6)).event);
			if (event === 'stats' && until.begin) {
				until.begin();
				until.begin = null;
			}
			if (heard.length === until.n)
				return { heard, last };
		}
	};
	const begun = {};
	const ready = new Promise((r) => { begun.begin = r; });
	const live = read({}, Object.assign(begun, { n: 2 }));
	await ready;
	const { id: seen } = await (await post('/jobs', { type: 'hello', payload: 1 })).json();
	const { heard, last } = await live;
	same(heard, ['queued', 'claimed']);
	await (await fetch(`${url}/jobs/${seen}?wait=30s`)).text();
	const after = await read({ 'Last-Event-ID': last }, { n: 1 });
	same(after.heard, ['succeeded']);
	stop.abort();
});
step('what is wrong is said as a problem', async () => {
	const cases = [
		[400, await fetch(url + '/jobs', { method: 'POST', headers: json, body: '{"type": ' })], [400, await post('/jobs', { type: 'idle', what: 1 })], [404, await fetch(url + '/jobs/' + id.replace(/.$/, (c) => (c === '0' ? '1' : '0')))],
		[404, await fetch(url + '/nowhere')], [405, await fetch(url + '/jobs', { method: 'PUT', body: 'x' })], [415, await fetch(url + '/jobs', { method: 'POST', headers: { 'Content-Type': 'text/html' }, body: 'x' })],
		[422, await post('/jobs', { type: 'nobody' })], [422, await post('/claims', { types: ['hello'] })], [403, await fetch(url + '/jobs', { method: 'POST', headers: { ...json, Origin: 'http://evil.example' }, body: '{"type":"idle"}' })],
	];
	for (const [want, r] of cases) {
		const p = await r.json();
		same([r.status, r.headers.get('content-type'), p.status, typeof p.title, p.detail.length > 15], [want, 'application/problem+json', want, 'string', true]);
	}
});
step('a hundred one after the other take no new connection each', async () => {
	const before = await connections();
	for (let i = 0; i < 100; i++)
		await (await post('/jobs', { type: 'idle' })).text();
	const more = (await connections()) - before;
	if (more > 20)
		throw new Error(`${more} connections were made`);
});
step('fifty at once are all answered', async () => {
	const all = await Promise.all(Array.from({ length: 50 }, async (_, i) => {
		const { id } = await (await post('/jobs', { type: 'hello', payload: i })).json();
		const job = await (await fetch(`${url}/jobs/${id}?wait=40s`)).json();
		return job.state === 'succeeded' && job.result.got === i;
	}));
	same(all.filter(Boolean).length, 50);
});
step('the last is told of an idempotency key that was used', async () => {
	const head = { headers: { ...json, 'Idempotency-Key': 'node-1' } };
	const a = await post('/jobs', { type: 'idle' }, head), b = await post('/jobs', { type: 'idle' }, head), c = await post('/jobs', { type: 'idle', priority: 1 }, head);
	same([a.status, b.status, b.headers.get('idempotent-replayed'), c.status], [201, 200, 'true', 422]);
	same((await a.json()).id, (await b.json()).id);
	await c.text();
});

(async () => {
	for (const [name, run] of steps) {
		try {
			await run();
			console.log(`good\t${name}`);
		} catch (e) {
			console.log(`bad\t${name}\t${String(e && e.stack || e).replace(/\s+/g, ' ')}`);
		}
	}
	console.log('over');
	process.exit(0);
})();
END
node "$T/client.js" "$url" > "$T/said" 2> "$T/node.err" &
client=$!
ok "the client comes to its end" until_true 240 grep -q '^over' "$T/said"
kill "$client" 2> /dev/null
wait "$client" 2> /dev/null
while IFS='	' read -r how name why; do
	case $how in
	good) pass "$name" ;;
	bad) fail "$name" "$why" ;;
	esac
done < "$T/said"
is "of all its steps" "$(grep -c '	' "$T/said")" "$(grep -c '^step(' "$T/client.js")"
finish
