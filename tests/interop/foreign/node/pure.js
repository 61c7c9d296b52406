'use strict';
// node-zookeeper-client: written in JavaScript, connects with the old handshake (no read-only
// byte), numbers its requests from 0, knows the operations of ZooKeeper 3.4.

const zookeeper = require('node-zookeeper-client');
const {
    assert, begin, check: checkIn, command, end, Log, direct, wire, is38, CALM_MS, SHORT_MS,
} = require('./checks.js');

const {ACL, CreateMode, Exception, Id, Permission} = zookeeper;
const BOB = 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='; // password pw

// A client whose calls return promises, with a log of its states.
class Session {
    constructor(address, timeoutMs, options = {}) {
        this.client = zookeeper.createClient(address,
            {sessionTimeout: timeoutMs, spinDelay: 50, ...options});
        this.states = new Log();
        for (const state of ['connected', 'disconnected', 'expired', 'authenticationFailed']) {
            this.client.on(state, () => this.states.add(state));
        }
        this.client.connect();
    }

    static async open(address = direct, timeoutMs = CALM_MS) {
        const session = new Session(address, timeoutMs);
        await session.states.wait('connected');
        return session;
    }

    call(method, ...args) {
        return new Promise((resolve, reject) => {
            this.client[method](...args, (error, ...results) => {
                if (error) {
                    reject(error);
                } else {
                    resolve(results.length > 1 ? results : results[0]);
                }
            });
        });
    }

    create(path, data = null, mode = CreateMode.PERSISTENT, acl = ACL.OPEN_ACL_UNSAFE) {
        return this.call('create', path, data === null ? null : Buffer.from(data), acl, mode);
    }

    set(path, data, version = -1) {
        return this.call('setData', path, Buffer.from(data), version);
    }

    async get(path) {
        const [data] = await this.call('getData', path);
        return data === undefined || data === null ? null : String(data);
    }

    remove(path, version = -1) {
        return this.call('remove', path, version);
    }

    stat(path) {
        return this.call('exists', path);
    }

    get id() {
        return this.client.getSessionId().toString('hex');
    }

    // A round trip: events that the server sent before it have been told.
    async events(log) {
        await this.stat('/');
        return log.take();
    }

    async close() {
        this.client.close();
        await this.states.wait('disconnected');
    }
}

function watcher(log, root) {
    return (event) => log.add(`${event.getName()} ${event.getPath().slice(root.length)}`);
}

async function fails(code, promise) {
    let result;
    try {
        result = await promise;
    } catch (error) {
        assert.strictEqual(error.code, code, String(error));
        return;
    }
    assert.fail(`want ${code}, got ${JSON.stringify(result)}`);
}

const number = (buffer) => BigInt(`0x${buffer.toString('hex')}`);

async function main() {
    const s = await Session.open();
    const other = await Session.open();
    const check = (name, body) => checkIn(name, (root) => other.create(root), body);

    begin('pure');

    await check('create makes nodes of every mode', async (root) => {
        assert.strictEqual(await s.create(`${root}/a`, 'data'), `${root}/a`);
        assert.strictEqual(await s.create(`${root}/e`, '', CreateMode.EPHEMERAL), `${root}/e`);
        assert.strictEqual(await s.create(`${root}/s-`, '', CreateMode.PERSISTENT_SEQUENTIAL),
            `${root}/s-0000000002`);
        assert.strictEqual(await s.create(`${root}/es-`, '', CreateMode.EPHEMERAL_SEQUENTIAL),
            `${root}/es-0000000003`);
        assert.strictEqual(await s.get(`${root}/a`), 'data');
        assert.strictEqual((await s.stat(`${root}/e`)).ephemeralOwner.toString('hex'), s.id);
    });
    await check('the stat is complete', async (root) => {
        await s.create(`${root}/a`, 'data');
        await s.set(`${root}/a`, 'other data');
        const stat = await s.stat(`${root}/a`);
        assert.deepStrictEqual([stat.version, stat.cversion, stat.aversion, stat.dataLength,
            stat.numChildren], [1, 0, 0, 10, 0]);
        assert.strictEqual(number(stat.mzxid), number(stat.czxid) + 1n);
        assert.strictEqual(number(stat.pzxid), number(stat.czxid));
        assert.ok(Math.abs(Number(number(stat.ctime)) - Date.now()) < 60000);
        const [, same] = await s.call('getData', `${root}/a`);
        assert.deepStrictEqual(same, stat);
    });
    await check('null data stays null', async (root) => {
        await s.create(`${root}/null`, null);
        assert.strictEqual(await s.get(`${root}/null`), null);
    });
    await check('versions are compared', async (root) => {
        await fails(Exception.BAD_VERSION, s.set(root, 'x', 3));
        const stat = await s.set(root, 'x', 0);
        assert.strictEqual(stat.version, 1);
        await s.create(`${root}/a`);
        await fails(Exception.BAD_VERSION, s.remove(`${root}/a`, 3));
        await s.remove(`${root}/a`, 0);
        assert.strictEqual(await s.stat(`${root}/a`), null);
    });
    await check('children are listed with the stat', async (root) => {
        await s.create(`${root}/b`);
        await s.create(`${root}/a`);
        const [children, stat] = await s.call('getChildren', root);
        assert.deepStrictEqual(children.sort(), ['a', 'b']);
        assert.strictEqual(stat.numChildren, 2);
        assert.strictEqual(stat.cversion, 2);
    });
    await check('errors have their codes', async (root) => {
        await s.create(`${root}/a`);
        await s.create(`${root}/a/b`);
        await s.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        await fails(Exception.NODE_EXISTS, s.create(`${root}/a`));
        await fails(Exception.NO_NODE, s.create(`${root}/no/a`));
        await fails(Exception.NO_CHILDREN_FOR_EPHEMERALS, s.create(`${root}/e/a`));
        await fails(Exception.NOT_EMPTY, s.remove(`${root}/a`));
        await fails(Exception.NO_NODE, s.remove(`${root}/no`));
        await fails(Exception.NO_NODE, s.get(`${root}/no`));
        await fails(Exception.NO_NODE, s.set(`${root}/no`, ''));
        await fails(Exception.NO_NODE, s.call('getChildren', `${root}/no`));
        await fails(Exception.NO_NODE, s.call('getACL', `${root}/no`));
        await fails(Exception.NO_NODE, s.call('setACL', `${root}/no`, ACL.OPEN_ACL_UNSAFE, -1));
        await fails(Exception.NO_AUTH, s.set('/zookeeper/config', ''));
        await fails(Exception.BAD_ARGUMENTS, s.remove('/zookeeper'));
    });
    await check('ACLs and identities', async (root) => {
        const acl = [new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE),
            new ACL(Permission.ALL, new Id('digest', BOB))];
        await s.create(`${root}/a`, 'x', CreateMode.PERSISTENT, acl);
        const [got] = await s.call('getACL', `${root}/a`);
        assert.deepStrictEqual(got.map((x) => [x.permission, x.id.scheme, x.id.id]),
            [[1, 'world', 'anyone'], [31, 'digest', 'bob:x']]);
        await fails(Exception.NO_AUTH, s.set(`${root}/a`, 'y'));
        await fails(Exception.NO_AUTH, s.call('setACL', `${root}/a`, ACL.OPEN_ACL_UNSAFE, -1));
        await fails(Exception.INVALID_ACL, s.create(`${root}/b`, 'x', CreateMode.PERSISTENT,
            ACL.CREATOR_ALL_ACL));
        const bob = await Session.open();
        bob.client.addAuthInfo('digest', Buffer.from('bob:pw'));
        await bob.set(`${root}/a`, 'y');
        const [whole] = await bob.call('getACL', `${root}/a`);
        assert.strictEqual(whole[1].id.id, BOB);
        await bob.create(`${root}/b`, 'x', CreateMode.PERSISTENT, ACL.CREATOR_ALL_ACL);
        await fails(Exception.NO_AUTH, s.get(`${root}/b`));
        await bob.call('setACL', `${root}/b`, ACL.OPEN_ACL_UNSAFE, 0);
        assert.strictEqual(await s.get(`${root}/b`), 'x');
        await bob.close();
    });
    await check('an unknown scheme fails the authentication', async () => {
        const session = await Session.open();
        session.client.addAuthInfo('nosuch', Buffer.from('x'));
        await session.states.wait('authenticationFailed');
    });
    await check('existence is what READ shows where the version asks for it', async (root) => {
        await s.create(`${root}/a`, '', CreateMode.PERSISTENT,
            [new ACL(Permission.WRITE, Id.ANYONE_ID_UNSAFE)]);
        if (is38) {
            assert.ok(await s.stat(`${root}/a`));
        } else {
            await fails(Exception.NO_AUTH, s.stat(`${root}/a`));
        }
    });
    await check('mkdirp and removeRecursive', async (root) => {
        await s.call('mkdirp', `${root}/a/b/c`);
        await s.call('mkdirp', `${root}/a/b/d`);
        assert.ok(await s.stat(`${root}/a/b/d`));
        // This client looks one level deep only.
        await s.call('removeRecursive', `${root}/a/b`, -1);
        assert.strictEqual(await s.stat(`${root}/a/b`), null);
    });
    await check('a transaction is all', async (root) => {
        await s.create(`${root}/old`);
        const transaction = s.client.transaction()
            .create(`${root}/a`, Buffer.from('1'))
            .create(`${root}/s`, null, ACL.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL)
            .check(`${root}/a`, 0)
            .setData(`${root}/a`, Buffer.from('2'), 0)
            .remove(`${root}/old`, -1);
        const results = await new Promise((resolve, reject) => transaction.commit(
            (error, all) => (error ? reject(error) : resolve(all))));
        assert.deepStrictEqual(results.slice(0, 2).map((x) => x.path),
            [`${root}/a`, `${root}/s0000000002`]);
        assert.strictEqual(results[3].stat.version, 1);
        assert.strictEqual(await s.get(`${root}/a`), '2');
        assert.strictEqual(await s.stat(`${root}/old`), null);
    });
    await check('a transaction is nothing', async (root) => {
        const transaction = s.client.transaction()
            .create(`${root}/a`, Buffer.from('1'))
            .check(`${root}/no`, -1)
            .remove(root, -1);
        const [error, results] = await new Promise((resolve) => transaction.commit(
            (failure, all) => resolve([failure, all])));
        assert.strictEqual(error.code, Exception.NO_NODE);
        assert.deepStrictEqual(results.map((x) => x.err), [0, Exception.NO_NODE, -2]);
        assert.strictEqual(await s.stat(`${root}/a`), null);
    });
    await check('watches fire once, in order', async (root) => {
        const log = new Log();
        const tell = watcher(log, root);
        await s.call('exists', `${root}/a`, tell);
        await s.call('getChildren', root, tell);
        await other.create(`${root}/a`);
        await other.set(`${root}/a`, '1');
        assert.deepStrictEqual(await s.events(log), ['NODE_CREATED /a',
            'NODE_CHILDREN_CHANGED ']);
        await s.call('getData', `${root}/a`, tell);
        await other.set(`${root}/a`, '2');
        await other.set(`${root}/a`, '3');
        assert.deepStrictEqual(await s.events(log), ['NODE_DATA_CHANGED /a']);
        await s.call('getData', `${root}/a`, tell);
        await s.call('getChildren', root, tell);
        await other.remove(`${root}/a`);
        assert.deepStrictEqual(await s.events(log), ['NODE_DELETED /a',
            'NODE_CHILDREN_CHANGED ']);
        await fails(Exception.NO_NODE, s.call('getData', `${root}/b`, tell));
        await other.create(`${root}/b`);
        assert.deepStrictEqual(await s.events(log), []);
    });
    await check('a pipeline is answered in order', async (root) => {
        const paths = await Promise.all(Array.from({length: 1000}, () =>
            s.create(`${root}/n`, null, CreateMode.PERSISTENT_SEQUENTIAL)));
        paths.forEach((path, i) => assert.strictEqual(path,
            `${root}/n${String(i).padStart(10, '0')}`));
    });
    await check('big data goes in and out', async (root) => {
        const big = Buffer.alloc(900000, 'paddock');
        await s.call('setData', root, big, -1);
        const [data] = await s.call('getData', root);
        assert.ok(data.equals(big));
    });
    await check('a chroot shows a tree of its own', async (root) => {
        const inside = await Session.open(`${direct}${root}`);
        const log = new Log();
        assert.strictEqual(await inside.create('/a', 'x'), '/a');
        await inside.call('getData', '/a', (event) => log.add(event.getPath()));
        await s.set(`${root}/a`, 'y');
        assert.deepStrictEqual(await inside.events(log), ['/a']);
        await inside.close();
    });
    await check('timeouts are negotiated', async () => {
        for (const [asked, got] of [[300, 500], [6000, 6000], [1000000, 30000]]) {
            const session = await Session.open(direct, asked);
            assert.strictEqual(session.client.getSessionTimeout(), got);
            await session.close();
        }
    });
    await check('a session is taken up, its watches catch up', async (root) => {
        const session = await Session.open(wire);
        const log = new Log();
        const tell = watcher(log, root);
        const {id} = session;
        await session.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        await session.create(`${root}/set`);
        await session.create(`${root}/kids`);
        await session.call('getData', `${root}/set`, tell);
        await session.call('exists', `${root}/new`, tell);
        await session.call('getChildren', `${root}/kids`, tell);
        await session.call('getData', `${root}/e`, tell);
        await command('cut');
        await session.states.wait('disconnected');
        await other.set(`${root}/set`, 'x');
        await other.create(`${root}/new`);
        await other.create(`${root}/kids/a`);
        await command('heal');
        await session.states.wait('connected');
        assert.strictEqual(session.id, id);
        assert.strictEqual((await session.stat(`${root}/e`)).ephemeralOwner.toString('hex'), id);
        assert.deepStrictEqual((await session.events(log)).sort(), ['NODE_CHILDREN_CHANGED /kids',
            'NODE_CREATED /new', 'NODE_DATA_CHANGED /set']);
        await other.set(`${root}/e`, 'x');
        assert.deepStrictEqual(await session.events(log), ['NODE_DATA_CHANGED /e']);
        await session.close();
        assert.strictEqual(await other.stat(`${root}/e`), null);
    });
    await check('a session is taken over by id and password', async (root) => {
        const first = await Session.open(wire);
        await first.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        await command('cut');
        await first.states.wait('disconnected');
        const second = new Session(direct, CALM_MS, {sessionId: first.client.getSessionId(),
            sessionPassword: first.client.getSessionPassword()});
        await second.states.wait('connected');
        assert.strictEqual(second.id, first.id);
        await second.close();
        assert.strictEqual(await other.stat(`${root}/e`), null);
        await command('heal');
        await first.states.wait('expired');
    });
    await check('a wrong password is refused', async (root) => {
        const owner = await Session.open();
        await owner.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        const wrong = new Session(direct, CALM_MS, {sessionId: owner.client.getSessionId(),
            sessionPassword: Buffer.alloc(16)});
        await wrong.states.wait('expired');
        assert.ok(await other.stat(`${root}/e`));
    });
    await check('an expired session finds its ephemerals gone', async (root) => {
        const session = await Session.open(wire, SHORT_MS);
        const log = new Log();
        await session.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        await other.call('exists', `${root}/e`, watcher(log, root));
        await command('cut');
        await log.wait('NODE_DELETED /e');
        await command('heal');
        await session.states.wait('expired');
        const fresh = await Session.open(wire, SHORT_MS);
        assert.strictEqual(await fresh.stat(`${root}/e`), null);
        await fresh.create(`${root}/e`, '', CreateMode.EPHEMERAL);
        await fresh.close();
    });
    await check('a killed server comes back with sessions and data', async (root) => {
        const session = await Session.open(wire);
        await session.create(`${root}/e`, 'kept', CreateMode.EPHEMERAL);
        // Held back until the server serves: Apache may never answer a client that comes
        // while it starts, and this one would wait without end.
        await command('cut');
        await command('bounce');
        await command('heal');
        await session.states.wait('connected');
        assert.strictEqual(await session.get(`${root}/e`), 'kept');
        assert.strictEqual((await session.stat(`${root}/e`)).ephemeralOwner.toString('hex'),
            session.id);
        await session.close();
    });

    end();
}

main().catch((error) => {
    console.log(`# ${error.stack}`);
    process.exit(3);
});
