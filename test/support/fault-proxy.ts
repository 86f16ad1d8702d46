export * from '../../src/connector-sdk/kit/fault-proxy.ts'
