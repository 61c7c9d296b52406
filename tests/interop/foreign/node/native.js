'use strict';
// The npm package "zookeeper": Apache's C client (its single-threaded form) as a Node addon.

const ZooKeeper = require('zookeeper');
const {
    assert, begin, check: checkIn, command, end, Log, direct, wire, plain, CALM_MS, SHORT_MS,
} = require('./checks.js');

const c = ZooKeeper.constants;
// Outages are made with hold, not cut: the addon does not stand a connection that is closed
// before its handshake is answered.  It pauses for a third of the timeout before it
// connects again.
const BRIEF_MS = 6000;
const EVENTS = {1: 'created', 2: 'deleted', 3: 'changed', 4: 'child'};
const BOB = 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='; // password pw

function begun(address, timeoutMs, options = {}) {
    const zk = new ZooKeeper({connect: address, timeout: timeoutMs,
        debug_level: c.ZOO_LOG_LEVEL_ERROR, host_order_deterministic: true, ...options});
    zk.states = new Log();
    for (const state of ['connect', 'connecting', 'close']) {
        zk.on(state, () => zk.states.add(state));
    }
    zk.init({});
    return zk;
}

async function open(address = direct, timeoutMs = CALM_MS) {
    const zk = begun(address, timeoutMs);
    await zk.states.wait('connect');
    return zk;
}

// The addon puts the code at the start of the message.
async function fails(code, promise) {
    let result;
    try {
        result = await promise;
    } catch (error) {
        assert.strictEqual(Number.parseInt(error.message, 10), code, error.message);
        return;
    }
    assert.fail(`want ${code}, got ${JSON.stringify(result)}`);
}

function watcher(log, root) {
    return (type, state, path) => {
        if (EVENTS[type]) {
            log.add(`${EVENTS[type]} ${path.slice(root.length)}`);
        }
    };
}

async function events(zk, log) {
    await zk.sync('/');
    return log.take();
}

async function get(zk, path) {
    const [, data] = await zk.get(path, false);
    return data === undefined || data === null ? null : String(data);
}

async function main() {
    const zk = await open();
    const other = await open();
    const check = (name, body) => checkIn(name, (root) => other.create(root, '', 0), body);
    const session = (client) => String(client.client_id);

    begin('native');

    await check('create makes nodes of every mode', async (root) => {
        const modes = [
            [c.ZOO_PERSISTENT, ''], [c.ZOO_EPHEMERAL, ''],
            [c.ZOO_PERSISTENT_SEQUENTIAL, '0000000002'],
            [c.ZOO_EPHEMERAL_SEQUENTIAL, '0000000003'], [c.ZOO_CONTAINER, ''],
        ];
        for (const [mode, suffix] of modes) {
            assert.strictEqual(await zk.create(`${root}/${mode}-`, 'x', mode),
                `${root}/${mode}-${suffix}`);
        }
        assert.strictEqual(await zk.create(`${root}/t`, 'x', c.ZOO_PERSISTENT_WITH_TTL, 60000),
            `${root}/t`);
        assert.strictEqual(await zk.create(`${root}/ts`, 'x',
            c.ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 60000), `${root}/ts0000000006`);
        const stat = await zk.exists(`${root}/1-`, false);
        assert.strictEqual(stat.createdInThisSession, true);
    });
    await check('data and stat come back', async (root) => {
        await zk.create(`${root}/a`, 'data', 0);
        const stat = await zk.set(`${root}/a`, 'other data', 0);
        assert.strictEqual(stat.version, 1);
        const [again, data] = await zk.get(`${root}/a`, false);
        assert.strictEqual(String(data), 'other data');
        assert.strictEqual(again.dataLength, 10);
        assert.strictEqual(again.version, 1);
        assert.strictEqual(String(again.mzxid), String(stat.mzxid));
        await fails(c.ZBADVERSION, zk.set(`${root}/a`, 'x', 0));
        assert.strictEqual(await get(zk, `${root}/a`), 'other data');
    });
    await check('children are listed in both forms', async (root) => {
        await zk.create(`${root}/b`, '', 0);
        await zk.create(`${root}/a`, '', 0);
        assert.deepStrictEqual((await zk.get_children(root, false)).sort(), ['a', 'b']);
        const [children, stat] = await zk.get_children2(root, false);
        assert.deepStrictEqual(children.sort(), ['a', 'b']);
        assert.strictEqual(stat.numChildren, 2);
    });
    await check('errors have their codes', async (root) => {
        await zk.create(`${root}/a`, '', 0);
        await zk.create(`${root}/a/b`, '', 0);
        await zk.create(`${root}/e`, '', c.ZOO_EPHEMERAL);
        await fails(c.ZNODEEXISTS, zk.create(`${root}/a`, '', 0));
        await fails(c.ZNONODE, zk.create(`${root}/no/a`, '', 0));
        await fails(c.ZNOCHILDRENFOREPHEMERALS, zk.create(`${root}/e/a`, '', 0));
        await fails(c.ZNOTEMPTY, zk.delete_(`${root}/a`, -1));
        await fails(c.ZBADVERSION, zk.delete_(`${root}/a/b`, 7));
        await fails(c.ZNONODE, zk.delete_(`${root}/no`, -1));
        await fails(c.ZNONODE, zk.exists(`${root}/no`, false));
        await fails(c.ZNONODE, zk.get(`${root}/no`, false));
        await fails(c.ZNONODE, zk.set(`${root}/no`, '', -1));
        await fails(c.ZNONODE, zk.get_children(`${root}/no`, false));
        await fails(c.ZNONODE, zk.get_children2(`${root}/no`, false));
        // Not get_acl of a missing node: the addon dies of a null pointer then.
        await fails(c.ZNOAUTH, zk.set('/zookeeper/config', '', -1));
        await fails(c.ZBADARGUMENTS, zk.delete_('/zookeeper', -1));
    });
    await check('getconfig and reconfig', async () => {
        const [stat] = await zk.getconfig(false);
        assert.strictEqual(stat.aversion, -1);
        await fails(-123, zk.reconfig(null, '1', null, -1));
    });
    await check('TTL needs extended types', async () => {
        const simple = await open(plain);
        await fails(c.ZUNIMPLEMENTED, simple.create('/node-ttl', '', c.ZOO_PERSISTENT_WITH_TTL,
            1000));
        simple.close();
    });
    await check('ACLs and identities', async (root) => {
        await zk.create(`${root}/a`, 'x', 0);
        await zk.set_acl(`${root}/a`, 0, [
            {perms: 1, scheme: 'world', auth: 'anyone'}, {perms: 31, scheme: 'digest', auth: BOB}]);
        const acl = await zk.get_acl(`${root}/a`);
        assert.deepStrictEqual(acl[0].map((x) => [x.perms, x.scheme, x.auth]),
            [[1, 'world', 'anyone'], [31, 'digest', 'bob:x']]);
        await fails(c.ZNOAUTH, zk.set(`${root}/a`, 'y', -1));
        await fails(c.ZNOAUTH, zk.create(`${root}/a/b`, '', 0));
        const bob = await open();
        await new Promise((resolve, reject) => bob.add_auth('digest', 'bob:pw',
            (rc) => (rc === 0 ? resolve() : reject(new Error(String(rc))))));
        await bob.set(`${root}/a`, 'y', -1);
        assert.strictEqual((await bob.get_acl(`${root}/a`))[0][1].auth, BOB);
        bob.close();
    });
    await check('watches fire once, in order', async (root) => {
        const log = new Log();
        const tell = watcher(log, root);
        await fails(c.ZNONODE, zk.w_exists(`${root}/a`, tell));
        await zk.w_get_children(root, tell);
        await other.create(`${root}/a`, '', 0);
        await other.set(`${root}/a`, '1', -1);
        assert.deepStrictEqual(await events(zk, log), ['created /a', 'child ']);
        await zk.w_get(`${root}/a`, tell);
        await other.set(`${root}/a`, '2', -1);
        await other.set(`${root}/a`, '3', -1);
        assert.deepStrictEqual(await events(zk, log), ['changed /a']);
        await zk.w_get(`${root}/a`, tell);
        await zk.w_get_children2(root, tell);
        await other.delete_(`${root}/a`, -1);
        assert.deepStrictEqual(await events(zk, log), ['deleted /a', 'child ']);
    });
    await check('a pipeline is answered in order', async (root) => {
        const paths = await Promise.all(Array.from({length: 500}, () =>
            zk.create(`${root}/n`, '', c.ZOO_PERSISTENT_SEQUENTIAL)));
        paths.forEach((path, i) => assert.strictEqual(path,
            `${root}/n${String(i).padStart(10, '0')}`));
    });
    await check('a session is taken up, its watches catch up', async (root) => {
        const client = await open(wire, BRIEF_MS);
        const log = new Log();
        const tell = watcher(log, root);
        const id = session(client);
        await client.create(`${root}/e`, '', c.ZOO_EPHEMERAL);
        await client.create(`${root}/set`, '', 0);
        await client.w_get(`${root}/set`, tell);
        await fails(c.ZNONODE, client.w_exists(`${root}/new`, tell));
        await client.w_get_children(`${root}/set`, tell);
        await command('hold');
        await client.states.wait('connecting');
        await other.set(`${root}/set`, 'x', -1);
        await other.create(`${root}/new`, '', 0);
        await command('thaw');
        await client.states.wait('connect');
        assert.strictEqual(session(client), id);
        assert.strictEqual((await client.exists(`${root}/e`, false)).createdInThisSession, true);
        assert.deepStrictEqual((await events(client, log)).sort(), ['changed /set',
            'created /new']);
        await other.create(`${root}/set/a`, '', 0);
        assert.deepStrictEqual(await events(client, log), ['child /set']);
        client.close();
    });
    await check('a session is taken over by id and password', async (root) => {
        const first = await open(wire, BRIEF_MS);
        const gone = new Log();
        await first.create(`${root}/e`, '', c.ZOO_EPHEMERAL);
        // The first must not notice before the second is done, else it fights for the session.
        await command('freeze');
        const second = begun(direct, CALM_MS, {client_id: first.client_id,
            client_password: first.client_password});
        await second.states.wait('connect');
        assert.strictEqual(session(second), session(first));
        assert.strictEqual((await second.exists(`${root}/e`, false)).createdInThisSession, true);
        await other.w_exists(`${root}/e`, watcher(gone, root));
        second.close();
        await gone.wait('deleted /e');
        await command('thaw');
        await first.states.wait('close');
    });
    await check('an expired session finds its ephemerals gone', async (root) => {
        const client = await open(wire, SHORT_MS);
        const gone = new Log();
        await client.create(`${root}/e`, '', c.ZOO_EPHEMERAL);
        await other.w_exists(`${root}/e`, watcher(gone, root));
        await command('freeze');
        await gone.wait('deleted /e');
        await command('thaw');
        await client.states.wait('close');
        const fresh = await open(wire, SHORT_MS);
        await fails(c.ZNONODE, fresh.exists(`${root}/e`, false));
        await fresh.create(`${root}/e`, '', c.ZOO_EPHEMERAL);
        fresh.close();
    });
    await check('a killed server comes back with sessions and data', async (root) => {
        const client = await open();
        await client.create(`${root}/e`, 'kept', c.ZOO_EPHEMERAL);
        await command('bounce');
        await client.states.wait('connecting');
        await client.states.wait('connect');
        assert.strictEqual(await get(client, `${root}/e`), 'kept');
        assert.strictEqual((await client.exists(`${root}/e`, false)).createdInThisSession, true);
        client.close();
    });

    end();
}

main().catch((error) => {
    console.log(`# ${error.stack}`);
    process.exit(3);
});
