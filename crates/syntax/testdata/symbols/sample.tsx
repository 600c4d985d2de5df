import React from "react";
type Props = { title: string };
export const Button = ({ title }: Props) => <button onClick={() => { const local = 1; }}>{title}</button>;
export default class Page extends React.Component<Props> {
    state = { open: false };
    render() { return <Button title="x" />; }
}
