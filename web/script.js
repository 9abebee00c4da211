// Keeps a page's live part as it is now: /events says that something has happened, and then the page is fetched again and the part put in place. The server renders everything, so that there is
// one page and not two. Where the events do not come it is fetched now and then. The log of a job that runs is followed as it comes.
'use strict';

(() => {
	const often = 1000;             // at most, while things happen
	const every = 10000;            // at least: times that are shown go on
	const blind = 2000;             // without events
	const live = document.getElementById('live');
	const pulse = document.getElementById('pulse');
	const job = live.dataset.job;   // the page of one job: others are no news
	let timer = 0;
	let running = false;
	let wanted = false;             // something has happened since the last fetch began
	let last = 0;
	let figures = '';
	let events = null;

	// A text that is being selected, a row that has the focus, or what has been unfolded, is not pulled away from under its reader.
	const inUse = () => {
		const selection = document.getSelection();
		return (selection && !selection.isCollapsed) || live.contains(document.activeElement) || live.querySelector('details[open]');
	};

	// The log element stays the same one while it is being followed, whatever else is put in place around it.
	let log = null;

	const read = async (from) => {
		const mine = log;
		try {
			const answer = await fetch(from);
			const text = new TextDecoder();
			for await (const bytes of answer.body) {
				const atEnd = mine.scrollHeight - mine.scrollTop - mine.clientHeight < 8;
				mine.append(text.decode(bytes, { stream: true }));
				mine.hidden = false;
				while (mine.textContent.length > 262144)        // what is long gone by is in the whole log
					mine.firstChild.remove();
				if (atEnd)
					mine.scrollTop = mine.scrollHeight;
			}
		} catch {
			// it is followed anew when the page says that it still runs
		}
		if (log === mine)
			log = null;
		happened();
	};

	const follow = () => {
		const place = document.getElementById('log');
		if (!place || !place.dataset.follow)
			return;
		if (log) {
			place.replaceWith(log);
			return;
		}
		log = place;
		read(place.dataset.follow);
	};

	const refresh = async () => {
		clearTimeout(timer);
		if (running || document.hidden)
			return;
		running = true;
		wanted = false;
		last = Date.now();
		try {
			const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(10000) });
			if (!answer.ok)
				throw new Error(answer.status);
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			const fresh = page.getElementById('live');
			if (!fresh)
				throw new Error('no content');
			if (!inUse()) {
				const at = log ? log.scrollTop : 0;
				live.replaceChildren(...fresh.childNodes);
				follow();
				if (log)
					log.scrollTop = at;
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
		if (now !== figures && figures && !job)
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
		events.addEventListener('job', (e) => {
			if (!job || JSON.parse(e.data).id === job)
				happened();
		});
		events.addEventListener('lost', happened);
		events.addEventListener('stats', (e) => news(e.data));
		events.addEventListener('error', happened);
	};

	document.addEventListener('visibilitychange', () => {
		listen();
		refresh();
	});
	document.body.classList.add('scripted');
	follow();
	listen();
	plan();
})();
