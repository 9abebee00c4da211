// Keeps the status page live: /events says that something has happened, and then the page is fetched again and its content put in place. The server renders everything, so that there is
// one page and not two. Where the events do not come it is fetched now and then.
'use strict';

(() => {
	const often = 1000;             // at most, while things happen
	const every = 10000;            // at least: times that are shown go on
	const blind = 2000;             // without events
	const live = document.getElementById('live');
	const pulse = document.getElementById('pulse');
	let timer = 0;
	let running = false;
	let wanted = false;             // something has happened since the last fetch began
	let last = 0;
	let figures = '';
	let events = null;

	// A text that is being selected, or a row that has the focus, is not pulled away from under its reader.
	const inUse = () => {
		const selection = document.getSelection();
		return (selection && !selection.isCollapsed) || live.contains(document.activeElement);
	};

	const refresh = async () => {
		clearTimeout(timer);
		if (running || document.hidden)
			return;
		running = true;
		wanted = false;
		last = Date.now();
		try {
			const answer = await fetch('/status', { headers: { Accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(10000) });
			if (!answer.ok)
				throw new Error(answer.status);
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			const fresh = page.getElementById('live');
			if (!fresh)
				throw new Error('no content');
			if (!inUse()) {
				live.replaceChildren(...fresh.childNodes);
				pulse.textContent = page.getElementById('pulse').textContent;
			}
			document.body.classList.remove('stale');
		} catch {
			document.body.classList.add('stale');
		}
		running = false;
		plan();
	};

	const listening = () => events && events.readyState === EventSource.OPEN;

	const plan = () => {
		clearTimeout(timer);
		if (document.hidden)
			return;
		const pause = wanted ? often : listening() ? every : blind;
		timer = setTimeout(refresh, Math.max(0, last + pause - Date.now()));
	};

	const happened = () => {
		if (wanted)
			return;
		wanted = true;
		if (!running)
			plan();
	};

	// The figures come every second; those that change by themselves are no news.
	const news = (text) => {
		const s = JSON.parse(text);
		const now = JSON.stringify([s.total, s.scheduled, s.waiting, s.queued, s.running, s.retrying, s.processed, s.throughput_1m, s.error_rate_1m, s.types, s.queues,
			s.processes.map((p) => [p.pid, p.state])], (key, value) => key === 'oldest_queued_s' ? undefined : value);
		if (now !== figures && figures)
			happened();
		figures = now;
	};

	// A page that nobody sees asks for nothing.
	const listen = () => {
		if (document.hidden) {
			if (events)
				events.close();
			events = null;
			return;
		}
		if (events)
			return;
		events = new EventSource('/events');
		events.addEventListener('job', happened);
		events.addEventListener('lost', happened);
		events.addEventListener('stats', (e) => news(e.data));
		events.addEventListener('error', happened);
	};

	document.addEventListener('visibilitychange', () => {
		listen();
		refresh();
	});
	document.body.classList.add('scripted');
	listen();
	plan();
})();
