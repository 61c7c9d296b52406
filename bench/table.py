"""Turns rows into a table for the terminal and for docs/BENCHMARKS.md."""

BEGIN = '<!-- bench: table begins -->'
END = '<!-- bench: table ends -->'

KINDS = ('paddock', 'apache', 'echo', 'echo+log')


def figure(value, unit):
    if value is None:
        return ''
    if unit == 'requests/s':
        return f'{value / 1e6:.2f} M/s' if value >= 1e6 else f'{value / 1e3:.1f} k/s'
    if unit == 's':
        return f'{value:.2f} s'
    return f'{value:.0f} {unit}' if value >= 100 else f'{value:.1f} {unit}'


def limit_of(row):
    return next((k for k in ('echo', 'echo+log') if k in row.figures), None)


def cells(row):
    """Row, Paddock, Apache, ratio, limit, share of it, CPU of both, target, verdict."""
    limit = limit_of(row)
    ratio, share = row.ratio('apache'), row.ratio(limit) if limit else None
    cpu = [row.cpu('paddock'), row.cpu('apache')]
    judged = row.judged()
    verdict = '' if judged is None else 'reached' if row.target.reached(judged) else 'not reached'
    return [
        row.title,
        figure(row.median('paddock'), row.unit),
        figure(row.median('apache'), row.unit),
        f'{ratio:.1f}×' if ratio else '',
        figure(row.median(limit), row.unit) if limit else '',
        f'{share * 100:.0f} %' if share else '',
        ' / '.join(f'{c:.2f}' if c is not None else '-' for c in cpu) if any(cpu) else '',
        row.target.text() if row.target else '',
        verdict,
    ]


HEAD = ['What', 'Paddock', 'Apache 3.8.0', 'ratio', 'machine\'s limit', 'share of it',
        'server CPU, µs per request (Paddock / Apache)', 'target', '']


def markdown(rows):
    lines = ['| ' + ' | '.join(HEAD) + ' |', '|' + '---|' * len(HEAD)]
    lines += ['| ' + ' | '.join(cells(row)) + ' |' for row in rows]
    notes = [f'{row.title}: {row.note}.' for row in rows if row.note]
    return '\n'.join(lines + [''] + notes)


def terminal(rows):
    short = ['', 'Paddock', 'Apache', 'ratio', 'limit', 'share', 'CPU µs P/A', 'target', '']
    table = [short] + [[row.name] + cells(row)[1:] for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(short))]
    text = '\n'.join('  '.join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip()
                     for line in table)
    return text + ''.join(f'\n{row.name}: {row.note}' for row in rows if row.note)


def replace(page, text):
    """The page with `text` between the markers; ValueError when it has none."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f'no markers "{BEGIN}" and "{END}"')
    return f'{head}{BEGIN}\n{text}\n{END}{tail}'
