// Keeps the status page live: fetches it again and puts its content in place. The server renders everything, so that there is one page and not two.
'use strict';

(() => {
	const every = 2000;
	const live = document.getElementById('live');
	const pulse = document.getElementById('pulse');
	let timer = 0;
	let running = false;

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
		timer = setTimeout(refresh, every);
	};

	document.addEventListener('visibilitychange', refresh);
	document.body.classList.add('scripted');
	timer = setTimeout(refresh, every);
})();
