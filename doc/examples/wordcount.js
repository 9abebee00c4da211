#!/usr/bin/env node
// Counts the words of a text, as wordcount.py does; as a coprocess with several jobs in flight, whose answers may come in any order.
//
//     handler wordcount {
//         coprocess = {"/usr/share/doc/stint/examples/wordcount.js"}
//         pipeline = 8
//     }
'use strict';

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

async function wordcount(payload, progress) {
	if (payload === null || typeof payload !== 'object' || typeof payload.text !== 'string')
		throw Object.assign(new Error('the payload must be {"text": "..."}'), { retry: false });
	progress(0, 'counting');
	const lines = payload.text === '' ? [] : payload.text.replace(/\n$/, '').split('\n');
	const words = payload.text.split(/\s+/).filter((word) => word !== '').length;
	await new Promise(setImmediate); // where a real one would wait for something, and let others go on
	return { lines: lines.length, words, characters: [...payload.text].length };
}

async function take(line) {
	const job = JSON.parse(line);
	try {
		const result = await wordcount(job.payload, (progress, message) => say({ id: job.id, progress, message }));
		say({ id: job.id, ok: true, result });
	} catch (e) {
		say({ id: job.id, ok: false, error: e.message, retry: e.retry !== false });
	}
}

// The end of the input is the end of the work: what is in flight is answered, then node ends by itself.
require('readline').createInterface({ input: process.stdin, crlfDelay: Infinity }).on('line', take);
