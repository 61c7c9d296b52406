'use strict';
// The frame of the Node programs: checks, the remote control, event logs. Output: see stage.py.

const assert = require('assert');
const net = require('net');

const [direct, wire, control, plain, era] = process.argv.slice(2);
const CALM_MS = 15000;
const SHORT_MS = 1200;
const PATIENCE_MS = 20000;

let group = '';
let count = 0;
let failed = 0;

function begin(name) {
    group = name;
    console.log(`group ${name}`);
}

// Ends the program: the clients' sockets and timers would keep it alive.
function end() {
    console.log(`end ${group}`);
    process.exit(failed > 0 ? 1 : 0);
}

// `body` gets the path of a fresh znode that `makeRoot` created.
async function check(name, makeRoot, body) {
    const root = `/${group}-${++count}`;
    try {
        await within(makeRoot(root), 'the root of the check');
        await within(body(root), 'the check');
        console.log(`ok ${group}: ${name}`);
    } catch (error) {
        failed++;
        await command('heal');
        await command('thaw');
        const at = /\/(\w+\.js:\d+):\d+\)?$/m.exec(
            String(error.stack).split('\n').filter((x) => !x.includes('checks.js')).join('\n'));
        console.log(`not ok ${group}: ${name}: ` +
            `${String(error.message || error).replace(/\s+/g, ' ')} (${at ? at[1] : '?'})`);
    }
}

function within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// cut, heal, drop, freeze, thaw, hold, bounce: see flaky_wire.py.
function command(word) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(Number(control.split(':')[1]), '127.0.0.1');
        socket.on('error', reject);
        socket.on('data', (data) => {
            socket.destroy();
            const answer = String(data).trim();
            if (answer === 'ok') {
                resolve();
            } else {
                reject(new Error(`${word}: ${answer}`));
            }
        });
        socket.write(`${word}\n`);
    });
}

// Collects what watchers and state listeners are told.
class Log {
    constructor() {
        this.seen = [];
        this.waiting = [];
    }

    add(entry) {
        this.seen.push(entry);
        for (const wake of this.waiting.splice(0)) {
            wake();
        }
    }

    // Waits for the entry; forgets it and those before it.
    async wait(entry) {
        while (!this.seen.includes(entry)) {
            await within(new Promise((resolve) => this.waiting.push(resolve)),
                `${entry}; seen: ${this.seen}`);
        }
        this.seen.splice(0, this.seen.indexOf(entry) + 1);
    }

    take() {
        return this.seen.splice(0);
    }
}

module.exports = {
    assert, begin, check, command, end, Log, within,
    direct, wire, plain, is38: era === '3.8', CALM_MS, SHORT_MS,
};
